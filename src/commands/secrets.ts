import { signingKeySecrets } from '../devices/signing-key-repository.js'
import { subscriptionSecrets } from '../intel/subscriptions/subscription-repository.js'
import { resealSecrets, type SecretKind } from '../platform/reseal-secrets.js'
import { destinationSecrets } from '../signals/destination-repository.js'
import { setKeySecrets } from '../signals/ssf/set-key-repository.js'
import { openCommandSecrets } from './command-secrets.js'
import { withStore } from './open-database.js'

/** Everything that the database keeps sealed. A test finds columns that are missing here. */
export const SECRET_KINDS: readonly SecretKind[] = [subscriptionSecrets, destinationSecrets, setKeySecrets, signingKeySecrets]

const ACTOR = 'command line'

/** `sallyport secrets rotate`: puts all secrets under the first key of SECRETS_KEY; exits 1 when one cannot be opened. */
export async function runRotateSecrets ({ check = false, dataDir }: { check?: boolean, dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => {
    const secrets = await openCommandSecrets(env, dataDir)
    if (secrets === undefined) throw new Error('SECRETS_KEY is not set; it must hold the new key, then the old ones, separated by commas')
    const kinds = await resealSecrets({ db, secrets, kinds: SECRET_KINDS, actor: ACTOR }, { check })
    const resealed = kinds.reduce((sum, one) => sum + one.resealed, 0)
    const unreadable = kinds.flatMap((one) => one.unreadable)
    const next = unreadable.length > 0
      ? 'Some cannot be opened: give their key back to SECRETS_KEY, or make those secrets anew.'
      : check && resealed > 0 ? 'Without --check these would be put under the first key.' : 'Everything is under the first key; the others can go.'
    process.stdout.write(`${JSON.stringify({ kinds, done: unreadable.length === 0 && (!check || resealed === 0), next }, null, 2)}\n`)
    if (unreadable.length > 0) process.exitCode = 1
  })
}
