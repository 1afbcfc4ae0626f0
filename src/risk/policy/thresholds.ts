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
  noFixLowDays: days(365, 'For so long without an update, `os-outdated-no-fix` counts.', 1),
  updatePendingDays: days(14, 'An update that the phone offers may wait so long before `os-update-pending` speaks.'),
  attestationAgeDays: days(30, 'Age of the last attestation from which `dev-attestation-stale` speaks.', 1),
  scanAgeDays: days(14, 'Age of the agent\'s last scan from which `mgmt-scan-overdue` speaks.', 1),
  policyStaleHours: { default: 24, minimum: 1, maximum: 8_760, unit: 'hours', description: 'Management\'s newest policy may be missing on a phone for so long before `mgmt-policy-stale` speaks.' },
  clockAheadHours: { default: 24, minimum: 1, maximum: 87_600, unit: 'hours', description: 'How far ahead of ours a phone\'s clock is when `dev-clock-skew` speaks.' },
  autoLockSeconds: { default: 900, minimum: 15, maximum: 86_400, unit: 'seconds', description: 'Unused for longer than this, a phone must have locked itself (`dev-autolock-long`).' },
  keyguardFailures: count(10, 'Failed unlocks within `keyguardWindowSeconds` from which `dev-keyguard-failures` speaks.', 2, 500),
  keyguardWindowSeconds: { default: 3_600, minimum: 60, maximum: 86_400, unit: 'seconds', description: 'The time in which failed unlocks are counted together.' },
  logGaps: count(3, 'Gaps in a phone\'s security log, within the lifetime of the event, from which `dev-log-gap` is medium.', 2, 500),
  riskyPermissions: count(10, 'Dangerous permissions, of 20, from which `app-risky-permissions` speaks.', 2, 20),
  oldTargetSdk: { default: 23, minimum: 1, maximum: 100, unit: 'level', description: 'API level for which an app must be built; below it, `app-target-sdk-old` speaks (below 23, Android asks for no permission while the app runs).' },
  lowReputation: { default: 20, minimum: 0, maximum: 100, unit: 'percent', description: 'Reputation of an app below which `app-low-reputation` speaks.' },
  appUpdateDays: days(30, 'A newer version of an app may wait so long before `app-update-available` speaks.'),
  silenceDays: { default: 7, minimum: 1, maximum: 90, unit: 'days', description: 'Without a report for so long a phone counts as unresponsive.' },
  compositeWindowHours: { default: 24, minimum: 1, maximum: 168, unit: 'hours', description: 'Events of a composite (`cmp-…`) must lie within so long of each other, and of now where its other parts are states.' },
  webProtectionOffHours: { default: 24, minimum: 0, maximum: 720, unit: 'hours', description: 'Web protection that was off for so long is more than a note (`net-web-protection-off`).' },
  certificateFailureBurst: count(5, 'Failed certificate checks on several hosts within ten minutes from which `net-cert-validation-failure` is medium.', 2, 500),
  dgaBurst: count(8, 'Random-looking domains that do not exist, asked for within an hour, from which `net-dga` speaks.', 3, 500),
  clockSkewSeconds: { default: 300, minimum: 0, maximum: 86_400, unit: 'seconds', description: 'How far ahead of ours a phone\'s clock may run before its times are ours.' },
  lowConfidence: { default: 30, minimum: 0, maximum: 100, unit: 'percent', description: 'Intelligence of which its publisher is less sure than this counts a step less (STIX 2.1, appendix A, calls less than 30 low).' }
} as const satisfies Readonly<Record<string, Threshold>>

export type ThresholdName = keyof typeof THRESHOLDS
export type Thresholds = Readonly<Record<ThresholdName, number>>

export const DEFAULT_THRESHOLDS: Thresholds = Object.freeze(
  Object.fromEntries(Object.entries(THRESHOLDS).map(([name, threshold]) => [name, threshold.default])) as Record<ThresholdName, number>
)
