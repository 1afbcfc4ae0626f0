import type { StateChange } from '../../devices/state-change-repository.js'
import type { NewSignal, Stream, StreamSettings } from '../destination.js'
import { complianceChange } from './compliance.js'
import { idOf } from './signal-id.js'
import { describeState, reasonsByLanguage } from './words.js'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/'
export const DEVICE_COMPLIANCE_CHANGE = `${CAEP}device-compliance-change`
export const RISK_LEVEL_CHANGE = `${CAEP}risk-level-change`
export const VERIFICATION = `${SSF}verification`
export const STREAM_UPDATED = `${SSF}stream-updated`

/** What streams can carry (CAEP 1.0, sections 3.5 and 3.8). */
export const EVENTS_SUPPORTED: readonly string[] = [DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE]

/** Claims of a security event token (RFC 8417) but those that are known when it is sent. No `sub`, no `exp`. */
export interface SetClaims {
  readonly iat: number
  readonly txn?: string
  readonly sub_id: object
  readonly events: Readonly<Record<string, object>>
}

/** The issuer that Entra's device ids are unique under. */
export const entraIssuer = (authorityHost: string, entraTenantId: string): string => `${authorityHost.replace(/\/$/, '')}/${entraTenantId}/v2.0`

export interface SubjectIssuer {
  readonly authorityHost: string
  readonly entraTenantId: string
}

/** Events a stream carries: what its receiver asked for and we know. */
export const eventsDelivered = ({ eventsRequested }: Pick<StreamSettings, 'eventsRequested'>): string[] =>
  EVENTS_SUPPORTED.filter((event) => eventsRequested === null || eventsRequested.includes(event))

/** What a stream's receiver is told of a change: one event a token, as the interoperability profile asks. */
export function deriveSets (stream: Stream, change: StateChange, issuer: SubjectIssuer, now: Date): NewSignal[] {
  const wanted = eventsDelivered(stream.settings)
  return [complianceEvent(stream.settings, change), riskEvent(change)]
    .filter((one) => one !== undefined)
    .filter(({ type }) => wanted.includes(type))
    .map(({ type, event }): NewSignal => {
      const claims: SetClaims = {
        iat: Math.floor(now.getTime() / 1000),
        // The same for all that one change brings.
        txn: idOf(change.tenantId, change.position),
        sub_id: {
          format: 'complex',
          device: { format: 'iss_sub', iss: entraIssuer(issuer.authorityHost, issuer.entraTenantId), sub: change.entraDeviceId },
          tenant: { format: 'opaque', id: issuer.entraTenantId }
        },
        events: { [type]: { ...event, event_timestamp: Math.floor(change.at.getTime() / 1000) } }
      }
      return { id: idOf(stream.id, change.position, type), deviceId: change.deviceId, type, body: claims, at: change.at }
    })
}

interface TypedEvent { readonly type: string, readonly event: object }

function complianceEvent ({ notCompliantFrom }: StreamSettings, change: StateChange): TypedEvent | undefined {
  const compliance = complianceChange(change, notCompliantFrom)
  return compliance && {
    type: DEVICE_COMPLIANCE_CHANGE,
    event: {
      previous_status: compliance.previous,
      current_status: compliance.current,
      initiating_entity: 'policy',
      reason_admin: reasonsByLanguage(change)
    }
  }
}

/** CAEP has three levels and no word for "nothing found": that is LOW as well, and the reason tells it apart. */
const RISK = { secured: 'LOW', low: 'LOW', medium: 'MEDIUM', high: 'HIGH' } as const

function riskEvent (change: StateChange): TypedEvent | undefined {
  const { level, previousLevel } = change
  if (level === null) return undefined
  const current = RISK[level]
  const previous = previousLevel === null ? undefined : RISK[previousLevel]
  if (current === previous) return undefined
  return {
    type: RISK_LEVEL_CHANGE,
    event: {
      principal: 'DEVICE',
      current_level: current,
      ...(previous === undefined ? {} : { previous_level: previous }),
      risk_reason: describeState({ ...change, health: LEVEL_HEALTH[level] }, 'en'),
      initiating_entity: 'policy'
    }
  }
}

/** The level alone, whatever hides it from Intune. */
const LEVEL_HEALTH = { secured: 'secured', low: 'lowSeverity', medium: 'mediumSeverity', high: 'highSeverity' } as const

/** An event about the stream itself. */
export function streamEvent (streamId: string, id: string, type: string, event: object, now: Date): NewSignal {
  const claims: SetClaims = { iat: Math.floor(now.getTime() / 1000), sub_id: { format: 'opaque', id: streamId }, events: { [type]: event } }
  return { id, deviceId: null, type, body: claims, at: now }
}
