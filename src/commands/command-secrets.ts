import { resolve } from 'node:path'
import { loadConfig } from '../config.js'
import type { SecretBox } from '../platform/secret-box.js'
import { loadEmbeddedSecretsKey } from './embedded-secrets-key.js'
import { secretsOf } from './subscription-parts.js'

/** What opens the secrets of the database that a command works on: SECRETS_KEY, or the key of the embedded installation's data folder. */
export async function openCommandSecrets (env: NodeJS.ProcessEnv, dataDir: string | undefined): Promise<SecretBox | undefined> {
  const config = loadConfig(env)
  const isEmbedded = config.DATABASE_URL === undefined && config.SECRETS_KEY === undefined
  return secretsOf(isEmbedded ? { ...config, SECRETS_KEY: await loadEmbeddedSecretsKey(resolve(dataDir ?? 'data')) } : config)
}
