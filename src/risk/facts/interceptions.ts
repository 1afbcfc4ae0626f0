import type { KeptEvent } from '../../telemetry/device-state.js'
import type { Detection, DetectionContext } from '../detection.js'
import { normalizeHex } from './intel-entries.js'
import { oncePerContext } from './memo.js'
import { isSameNetwork, openConditions, type OpenEvent } from './network-events.js'
import { isTrustedCertificate } from './organisation.js'

/** The detections whose lifetimes in the policy hold for these events. */
const OPENED = { id: 'net-tls-interception' }
const OPENED_BY_TRUSTED = { id: 'net-tls-interception-trusted-ca' }
const STRIPPED = { id: 'net-ssl-strip' }

/** An interception that goes on. */
export interface Interception extends OpenEvent {
  /** The organisation allows the certificate, or the authority that signed it. */
  readonly allowed: boolean
}

/** Whether an authority that the phone trusts signed what was shown, so that apps notice nothing. */
export const isByTrustedAuthority = ({ trustedCa }: KeptEvent): boolean => trustedCa === true

function isAsExpected ({ expectedSha256, observedSha256 }: KeptEvent): boolean {
  return expectedSha256 !== undefined && observedSha256 !== undefined && normalizeHex(expectedSha256) === normalizeHex(observedSha256)
}

function isAllowed ({ policy }: DetectionContext, { observedSha256, caSha256 }: KeptEvent): boolean {
  return (observedSha256 !== undefined && isTrustedCertificate(policy, observedSha256)) || (caSha256 !== undefined && isTrustedCertificate(policy, caSha256))
}

/** TLS interceptions that go on: not ended, not expired, the phone still there, another certificate than should be. */
export const interceptions = oncePerContext((context): readonly Interception[] => {
  const of = (detection: Pick<Detection, 'id'>, byTrusted: boolean): readonly Interception[] =>
    openConditions(context, 'tls-interception', detection)
      .filter(({ event }) => isByTrustedAuthority(event) === byTrusted && !isAsExpected(event))
      .map((open) => ({ ...open, allowed: isAllowed(context, open.event) }))
  return [...of(OPENED, false), ...of(OPENED_BY_TRUSTED, true)]
})

/** Those that are not the organisation's own. */
export const openInterceptions = oncePerContext((context): readonly Interception[] => interceptions(context).filter(({ allowed }) => !allowed))

/** Whatever opens or strips encryption now, as far as the organisation has not switched its detection off. */
const openTlsAttacks = oncePerContext((context): readonly OpenEvent[] => {
  const isOn = ({ id }: Pick<Detection, 'id'>): boolean => context.policy.severities[id] !== 'off'
  return [
    ...openInterceptions(context).filter(({ event }) => isOn(isByTrustedAuthority(event) ? OPENED_BY_TRUSTED : OPENED)),
    ...(isOn(STRIPPED) ? openConditions(context, 'ssl-strip', STRIPPED) : [])
  ]
})

/** An attack on encryption that goes on in the network of the event: the independent fact that makes a sign of manipulation a proof. */
export function tlsAttackBeside (context: DetectionContext, event: KeptEvent): OpenEvent | undefined {
  return openTlsAttacks(context).find((attack) => isSameNetwork(attack.event, event))
}
