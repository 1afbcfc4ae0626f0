import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { importFeed, type ImportFeedDeps } from '../intel/import-feed.js'
import { createAddressGuard } from '../platform/address-guard.js'
import type { SubscriptionRunnerDeps } from '../intel/subscriptions/subscription-runner.js'
import type { Database } from '../platform/database.js'
import { createSecretBox, type SecretBox } from '../platform/secret-box.js'
import { VERSION } from '../platform/version.js'

/** Undefined: no subscription can have a password or token. */
export function secretsOf ({ SECRETS_KEY: keys }: Config): SecretBox | undefined {
  return keys === undefined ? undefined : createSecretBox(keys)
}

/** How this installation runs subscriptions, in workers and for operators alike. */
export function subscriptionsOf ({ config, db, log, store, onChanged }: {
  readonly config: Config
  readonly db: Database
  readonly log: Logger
  /** Where files are read and stored; without it, here. */
  readonly store?: ImportFeedDeps['store']
  /** Told after an import that changed something. */
  readonly onChanged: () => Promise<void>
}): SubscriptionRunnerDeps {
  return {
    db,
    log,
    guard: createAddressGuard({ privateHosts: (config.INTEL_ALLOW_PRIVATE_HOSTS ?? '').split(',').map((host) => host.trim()).filter((host) => host !== '') }),
    secrets: secretsOf(config),
    userAgent: `Sallyport/${VERSION}`,
    importFeed: async (input) => await importFeed({ db, onChanged, ...(store === undefined ? {} : { store }) }, { ...input, importedBy: 'subscription' })
  }
}
