import { createAddressGuard, type AddressGuard } from '../platform/address-guard.js'
import type { Config } from '../config.js'
import { VERSION } from '../platform/version.js'
import { createPoster } from '../signals/send/poster.js'
import type { SignalRunnerDeps } from '../signals/signal-runner.js'
import { createSetSigner } from '../signals/ssf/set-keys.js'
import type { Installation } from './installation.js'
import { secretsOf } from './subscription-parts.js'

const USER_AGENT = `Sallyport/${VERSION}`

/** Whom this installation may send signals to. */
export function signalGuardOf ({ SIGNALS_ALLOW_PRIVATE_HOSTS: hosts }: Config): AddressGuard {
  return createAddressGuard({
    privateHosts: (hosts ?? '').split(',').map((host) => host.trim()).filter((host) => host !== ''),
    howToAllow: 'SIGNALS_ALLOW_PRIVATE_HOSTS must name the host'
  })
}

/** How this installation sends signals, in workers and for those who manage them. */
export function signalsOf ({ config, db, log, metrics, publicUrl }: Installation): SignalRunnerDeps {
  const guard = signalGuardOf(config)
  const secrets = secretsOf(config)
  return {
    db,
    log,
    guard,
    secrets,
    authorityHost: config.ENTRA_AUTHORITY_HOST,
    version: VERSION,
    userAgent: USER_AGENT,
    publicUrl: () => publicUrl.value,
    signer: createSetSigner({ db, secrets }),
    poster: createPoster({ guard, userAgent: USER_AGENT }),
    onOutcome: (kind, outcome) => metrics.signalOutcomes.inc({ kind, outcome })
  }
}
