/** Threat levels from best to worst (contract, "Levels and states"). */
export const LEVELS = ['secured', 'low', 'medium', 'high'] as const
export type Level = (typeof LEVELS)[number]

/** Reporting states; they are about the report's trustworthiness, not about danger. */
export const DEVICE_STATES = ['pending', 'activated', 'unresponsive', 'misconfigured', 'deactivated'] as const
export type ReportingState = (typeof DEVICE_STATES)[number]

/** Severities a policy can give a detection. `audit` is recorded and never raises the level. */
export const SEVERITIES = ['audit', 'low', 'medium', 'high'] as const
export type Severity = (typeof SEVERITIES)[number]

export function levelRank (level: Level): number {
  return LEVELS.indexOf(level)
}

/** The worse of two levels. */
export function worseLevel (a: Level, b: Level): Level {
  return levelRank(a) >= levelRank(b) ? a : b
}
