import { listSetKeys } from '../signals/ssf/set-key-repository.js'
import { rotateSetKey } from '../signals/ssf/set-keys.js'
import { openCommandSecrets } from './command-secrets.js'
import { withStore } from './open-database.js'

const ACTOR = 'command line'

/** The keys that security event tokens are signed with, without what is secret. */
export async function runListSetKeys (options: { dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, options.dataDir, async ({ db }) => {
    print((await listSetKeys(db)).map(({ id, createdAt, signsFrom, signs }) => ({ id, createdAt, signsFrom, signs })))
  })
}

/** Makes a key that signs in a day, or at once. */
export async function runRotateSetKey ({ now = false, dataDir }: { now?: boolean, dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => print({ id: await rotateSetKey({ db, secrets: await openCommandSecrets(env, dataDir) }, { now, actor: ACTOR }) }))
}

function print (answer: object): void {
  process.stdout.write(JSON.stringify(answer, null, 2) + '\n')
}
