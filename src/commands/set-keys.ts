import { resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { listSetKeys } from '../signals/ssf/set-key-repository.js'
import { rotateSetKey } from '../signals/ssf/set-keys.js'
import { loadEmbeddedSecretsKey } from './embedded-secrets-key.js'
import { withStore } from './open-database.js'
import { secretsOf } from './subscription-parts.js'

/** The keys that security event tokens are signed with, without what is secret. */
export async function runListSetKeys (options: { dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, options.dataDir, async ({ db }) => {
    print((await listSetKeys(db)).map(({ id, createdAt, signsFrom, signs }) => ({ id, createdAt, signsFrom, signs })))
  })
}

/** Makes a key that signs in a day, or at once. */
export async function runRotateSetKey ({ now = false, dataDir }: { now?: boolean, dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env)
  const isEmbedded = config.DATABASE_URL === undefined && config.SECRETS_KEY === undefined
  const secrets = secretsOf(isEmbedded ? { ...config, SECRETS_KEY: await loadEmbeddedSecretsKey(resolve(dataDir ?? 'data')) } : config)
  await withStore(env, dataDir, async ({ db }) => print({ id: await rotateSetKey({ db, secrets }, { now }) }))
}

function print (answer: object): void {
  process.stdout.write(JSON.stringify(answer, null, 2) + '\n')
}
