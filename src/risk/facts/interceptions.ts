import type { DeviceState, KeptEvent } from '../../telemetry/device-state.js'
import type { DetectionContext } from '../detection.js'
import { openUntil } from './event-windows.js'
import { normalizeHex } from './intel-entries.js'
import { oncePerContext } from './memo.js'
import { isTrustedCertificate } from './organisation.js'

/** The detection whose lifetime in the policy holds for interceptions. */
const LIFETIME_OF = { id: 'net-tls-interception' }

export interface Interception {
  readonly event: KeptEvent
  /** Ms. */
  readonly until: number
}

/** Whether the phone has told, later than the event, that it is on another network. */
function hasLeftNetwork (state: DeviceState, event: KeptEvent): boolean {
  const { network } = state
  const seenAt = state.origins.network?.collectedAt
  // Both times are the phone's own, so its clock's error is the same in both.
  if (network === undefined || seenAt === undefined || !(Date.parse(seenAt) > Date.parse(event.at))) return false
  if (event.ssid === undefined && event.bssid === undefined) return false
  if (network.type !== undefined && network.type !== 'wifi') return true
  // One network has many access points: the name decides, the access point only without a name.
  if (event.ssid !== undefined && network.wifi?.ssid !== undefined) return event.ssid !== network.wifi.ssid
  if (event.bssid !== undefined && network.wifi?.bssid !== undefined) return event.bssid.toLowerCase() !== network.wifi.bssid.toLowerCase()
  return false
}

function isIntended (context: DetectionContext, event: KeptEvent): boolean {
  if (event.observedSha256 === undefined) return false
  if (event.expectedSha256 !== undefined && normalizeHex(event.expectedSha256) === normalizeHex(event.observedSha256)) return true
  return isTrustedCertificate(context.policy, event.observedSha256)
}

/** TLS interceptions that go on: not ended, not expired, the phone still there, the certificate not the organisation's. */
export const openInterceptions = oncePerContext((context): readonly Interception[] => {
  const open: Interception[] = []
  for (const event of context.state.events) {
    if (event.type !== 'tls-interception' || isIntended(context, event) || hasLeftNetwork(context.state, event)) continue
    const until = openUntil(context, event, LIFETIME_OF, 'condition')
    if (until !== undefined) open.push({ event, until })
  }
  return open
})
