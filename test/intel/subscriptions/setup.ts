import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { createAddressGuard } from '../../../src/platform/address-guard.js'
import { listAllSubscriptions, subscribe, type SubscriptionView } from '../../../src/intel/subscriptions/manage-subscriptions.js'
import type { ImportSubscribed } from '../../../src/intel/subscriptions/run-subscription.js'
import type { SubscriptionInput } from '../../../src/intel/subscriptions/subscription.js'
import { createSubscriptionRunner, type SubscriptionRunner, type SubscriptionRunnerDeps } from '../../../src/intel/subscriptions/subscription-runner.js'
import { createSecretBox } from '../../../src/platform/secret-box.js'
import { createTestDatabase } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'

export const LOOPBACK = createAddressGuard({ privateHosts: ['127.0.0.1', 'localhost'] })
export const SECRETS = createSecretBox(randomBytes(32).toString('base64'))

export type Imported = Parameters<ImportSubscribed>[0] & { readonly text: string }

/** Subscriptions on a database of their own, with an import that only remembers what it was given. */
export async function setUpSubscriptions (t: Test) {
  const { db, url: databaseUrl } = await createTestDatabase(t)
  const imports: Imported[] = []
  const failures: string[] = []
  const fake: { error: Error | undefined } = { error: undefined }

  const importFeed: ImportSubscribed = async (input) => {
    if (fake.error !== undefined) throw fake.error
    const body = Buffer.concat(input.body)
    const text = body.toString('utf8')
    imports.push({ ...input, body: [body], text })
    const sha256 = createHash('sha256').update(body).digest('hex')
    const values = { format: input.format, imported_at: input.now, sha256, entries: 1, skipped: '[]' }
    await db.insertInto('intel_feed').values({ name: input.feed, ...values } as never).onConflict((conflict) => conflict.column('name').doUpdateSet(values as never)).execute()
    return { feed: input.feed, format: input.format, version: 1, added: 1, updated: 0, unchanged: 0, withdrawn: 0, skipped: [], byType: {} } as never
  }
  const openRunner = (more: Partial<SubscriptionRunnerDeps> = {}): SubscriptionRunner => {
    const runner = createSubscriptionRunner({ db, log: silentLog, guard: LOOPBACK, secrets: SECRETS, userAgent: 'Sallyport/test', importFeed, onFailure: (feed) => failures.push(feed), ...more })
    t.teardown(async () => await runner.close())
    return runner
  }
  const runner = openRunner()

  const find = async (feed = 'list'): Promise<SubscriptionView> => (await listAllSubscriptions({ db })).find((one) => one.feed === feed)!
  return {
    db,
    databaseUrl,
    runner,
    openRunner,
    imports,
    failures,
    fake,
    find,
    add: async (input: Partial<SubscriptionInput> & { readonly url: string }) =>
      await subscribe({ db, secrets: SECRETS }, { feed: 'list', allowHttp: true, allowPrivate: true, ...input }, 'test'),
    /** Everything is due, runs, and this is how it then stands. */
    async runAll (feed = 'list'): Promise<SubscriptionView> {
      await db.updateTable('intel_subscription').set({ next_run_at: new Date(0) }).execute()
      await runner.run()
      return await find(feed)
    }
  }
}
