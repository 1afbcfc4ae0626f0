/** A number that an organisation may set: its default, its bounds, and what it means. */
export interface Threshold {
  readonly default: number
  readonly minimum: number
  readonly maximum: number
  readonly unit: 'days' | 'hours' | 'seconds' | 'CVSS' | 'percent' | 'level' | 'count'
  readonly description: string
}

const days = (value: number, description: string, minimum = 0): Threshold => ({ default: value, minimum, maximum: 3_650, unit: 'days', description })
const count = (value: number, description: string, minimum = 0, maximum = 10_000): Threshold => ({ default: value, minimum, maximum, unit: 'count', description })

/** Every threshold there is. Schema, defaults and documentation come from here. */
export const THRESHOLDS = {
  patchAgeLowDays: days(90, 'Age of the Android security patch level from which `os-patch-90d` speaks.', 1),
  patchAgeMediumDays: days(180, 'Age of the Android security patch level from which `os-patch-180d` speaks.', 1),
  patchAgeHighDays: days(365, 'Age of the Android security patch level from which `os-patch-365d` speaks.', 1),
  silenceDays: { default: 7, minimum: 1, maximum: 90, unit: 'days', description: 'Without a report for so long a phone counts as unresponsive.' },
  clockSkewSeconds: { default: 300, minimum: 0, maximum: 86_400, unit: 'seconds', description: 'How far ahead of ours a phone\'s clock may run before its times are ours.' },
  lowConfidence: { default: 30, minimum: 0, maximum: 100, unit: 'percent', description: 'Intelligence of which its publisher is less sure than this counts a step less (STIX 2.1, appendix A, calls less than 30 low).' }
} as const satisfies Readonly<Record<string, Threshold>>
// `count` is for thresholds of detections that see bursts.
void count

export type ThresholdName = keyof typeof THRESHOLDS
export type Thresholds = Readonly<Record<ThresholdName, number>>

export const DEFAULT_THRESHOLDS: Thresholds = Object.freeze(
  Object.fromEntries(Object.entries(THRESHOLDS).map(([name, threshold]) => [name, threshold.default])) as Record<ThresholdName, number>
)
