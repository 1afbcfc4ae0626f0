import type { Device } from './tenant.js'

const MINUTE_MS = 60 * 1000
/** "About every 8 hours." */
const INTERVAL_MS = 8 * 60 * MINUTE_MS

/**
 * When the phone last told Intune how it is, ms since 1970: about every eight hours, and again
 * when it was asked to. One that has not yet done so does it a quarter of an hour after
 * enrolment (iOS) or three minutes after (the others). Null: not yet.
 */
export function lastCheckInMs ({ lastSyncAtMs, enrolledAtMs, online, platform }: Pick<Device, 'lastSyncAtMs' | 'enrolledAtMs' | 'online' | 'platform'>, nowMs: number): number | null {
  if (!online) return lastSyncAtMs
  const firstMs = lastSyncAtMs ?? enrolledAtMs + (platform === 'ios' || platform === 'ipados' ? 15 : 3) * MINUTE_MS
  if (nowMs < firstMs) return lastSyncAtMs
  return firstMs + Math.floor((nowMs - firstMs) / INTERVAL_MS) * INTERVAL_MS
}
