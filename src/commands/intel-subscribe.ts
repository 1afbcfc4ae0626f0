import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Config, loadConfig } from '../config.js'
import { type FieldFault, InvalidInputError } from '../errors.js'
import { listAllSubscriptions, requestRefresh, subscribe, type SubscriptionView, unsubscribe } from '../intel/subscriptions/manage-subscriptions.js'
import type { SubscriptionInput, SubscriptionKind } from '../intel/subscriptions/subscription.js'
import { createSubscriptionRunner } from '../intel/subscriptions/subscription-runner.js'
import { openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openQueues } from '../platform/queues.js'
import { loadEmbeddedSecretsKey } from './embedded-secrets-key.js'
import { readRunning, type RunningInstallation } from './running-file.js'
import { describeSubscription, feedNameOfUrl, readInterval } from './subscription-texts.js'
import { subscriptionsOf } from './subscription-parts.js'
import { say } from './say.js'

interface Common { dataDir?: string, json?: boolean }

export interface SubscribeOptions extends Common {
  feed?: string
  kind?: string
  format?: string
  class?: string
  every?: string
  checksumUrl?: string
  sha256Suffix?: boolean
  signatureUrl?: string
  signatureKey?: string
  taxiiCollection?: string
  username?: string
  passwordFile?: string
  tokenFile?: string
  tokenHeader?: string
  allowHttp?: boolean
  allowPrivate?: boolean
  /** `--no-wait`: false. */
  wait: boolean
}

/** What the commands do, with the database or with the API of the installation that runs. */
interface Subscriptions {
  subscribe (input: SubscriptionInput): Promise<SubscriptionView>
  list (): Promise<SubscriptionView[]>
  unsubscribe (feed: string): Promise<void>
  /** Fetches now and waits for what becomes of it. */
  refresh (feed: string, full: boolean): Promise<SubscriptionView>
}

const ACTOR = 'command line'
const POLL_MS = 500
/** A whole fetch with its import; who wants to wait longer asks the list. */
const WAIT_MS = 10 * 60_000

/** `sallyport intel subscribe URL`. @throws naming every fault; when the first fetch fails */
export async function runSubscribe (url: string, options: SubscribeOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const input = await readInput(url, options)
  await withSubscriptions(options, env, async (subscriptions) => {
    const made = await subscriptions.subscribe(input)
    showOutcome(options.wait ? await subscriptions.refresh(made.feed, false) : made, options)
  })
}

/** `sallyport intel subscriptions`. */
export async function runListSubscriptions (options: Common, env: NodeJS.ProcessEnv): Promise<void> {
  await withSubscriptions(options, env, async (subscriptions) => {
    const all = await subscriptions.list()
    if (options.json === true) say(JSON.stringify(all) + '\n')
    else say(all.length === 0 ? 'There are no subscriptions.\n' : all.map((one) => describeSubscription(one)).join(''))
  })
}

/** `sallyport intel unsubscribe FEED`. */
export async function runUnsubscribe (feed: string, options: Common, env: NodeJS.ProcessEnv): Promise<void> {
  await withSubscriptions(options, env, async (subscriptions) => {
    await subscriptions.unsubscribe(feed)
    say(options.json === true ? JSON.stringify({ feed, subscribed: false }) + '\n' : `${feed} is fetched no more; what it holds stays.\n`)
  })
}

/** `sallyport intel refresh FEED`. @throws when the fetch fails */
export async function runRefresh (feed: string, options: Common & { full?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  await withSubscriptions(options, env, async (subscriptions) => showOutcome(await subscriptions.refresh(feed, options.full === true), options))
}

function showOutcome (subscription: SubscriptionView, { json }: Common): void {
  say(json === true ? JSON.stringify(subscription) + '\n' : describeSubscription(subscription))
  if (subscription.lastError !== null) throw new Error(`${subscription.feed}: ${subscription.lastError}; it is tried again at ${subscription.nextRunAt}`)
}

async function readInput (url: string, options: SubscribeOptions): Promise<SubscriptionInput> {
  const { every, class: threatClass, passwordFile, tokenFile, sha256Suffix, kind } = options
  const secretOf = async (file: string | undefined): Promise<string | undefined> => file === undefined ? undefined : (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  if (sha256Suffix === true && options.checksumUrl !== undefined) throw new Error('--sha256-suffix and --checksum-url say the same thing twice')
  let checksumUrl = options.checksumUrl
  if (sha256Suffix === true && URL.canParse(url)) {
    const beside = new URL(url)
    beside.pathname += '.sha256'
    checksumUrl = beside.href
  }
  return {
    feed: options.feed ?? feedNameOfUrl(url),
    url,
    kind: kind as SubscriptionKind | undefined,
    format: options.format,
    threatClass,
    everySeconds: every === undefined ? undefined : readInterval(every),
    checksumUrl,
    signatureUrl: options.signatureUrl,
    signatureKey: options.signatureKey,
    taxiiCollection: options.taxiiCollection,
    username: options.username,
    password: await secretOf(passwordFile),
    token: await secretOf(tokenFile),
    tokenHeader: options.tokenHeader,
    allowHttp: options.allowHttp,
    allowPrivate: options.allowPrivate
  }
}

async function withSubscriptions (options: Common, env: NodeJS.ProcessEnv, work: (subscriptions: Subscriptions) => Promise<void>): Promise<void> {
  const config = loadConfig(env)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'error' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    await work(await openSubscriptions(config, resolve(options.dataDir ?? 'data'), log, lifecycle))
  } catch (error) {
    if (error instanceof InvalidInputError) throw new Error(listFaults(error.message, error.faults))
    throw error
  } finally {
    await lifecycle.stop()
  }
}

async function openSubscriptions (config: Config, dataDir: string, log: Logger, lifecycle: Lifecycle): Promise<Subscriptions> {
  if (config.DATABASE_URL !== undefined) return await openOnDatabase(config, config.DATABASE_URL, log, lifecycle)
  const running = await readRunning(dataDir)
  if (running !== undefined) return openOnApi(running)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log })
    lifecycle.onStop('postgres', async () => await postgres.stop())
    const settings = { ...config, SECRETS_KEY: config.SECRETS_KEY ?? await loadEmbeddedSecretsKey(dataDir) }
    return await openOnDatabase(settings, postgres.url, log, lifecycle)
  } catch (error) {
    if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
    throw error
  }
}

async function openOnDatabase (config: Config, databaseUrl: string, log: Logger, lifecycle: Lifecycle): Promise<Subscriptions> {
  await migrate({ databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log })
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 4, applicationName: 'sallyport command' })
  lifecycle.onStop('database', async () => await db.destroy())
  const queues = await openQueues({ databaseUrl, redisUrl: config.REDIS_URL, prefix: config.REDIS_PREFIX, log })
  lifecycle.onStop('queues', async () => await queues.close())
  const parts = subscriptionsOf({ config, db, log, onChanged: async () => await queues.producer('intel').add([{}]) })
  const runner = createSubscriptionRunner(parts)
  lifecycle.onStop('subscriptions', async () => await runner.close())
  const list = async (): Promise<SubscriptionView[]> => await listAllSubscriptions({ db })

  return {
    list,
    subscribe: async (input) => (await subscribe(parts, input, ACTOR)).subscription,
    unsubscribe: async (feed) => await unsubscribe({ db }, feed, ACTOR),
    async refresh (feed, full) {
      const asked = await requestRefresh({ db }, { feed, full }, ACTOR)
      // A worker may have been quicker than we are.
      await runner.runOne(feed).catch((error: unknown) => { if ((error as { statusCode?: number }).statusCode !== 409) throw error })
      return await untilDone(list, asked)
    }
  }
}

function openOnApi ({ api, operatorToken }: RunningInstallation): Subscriptions {
  async function call<T> (method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${api}/v1/intel/subscriptions${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (answer.status === 204) return undefined as T
    const result = await answer.json() as T & { detail?: string, errors?: FieldFault[] }
    if (!answer.ok) throw new Error(listFaults(result.detail ?? `the API answered ${answer.status}`, result.errors))
    return result
  }
  const list = async (): Promise<SubscriptionView[]> => (await call<{ items: SubscriptionView[] }>('GET', '')).items
  return {
    list,
    subscribe: async ({ threatClass, ...input }) => await call('POST', '', { ...input, class: threatClass }),
    unsubscribe: async (feed) => await call('DELETE', `/${encodeURIComponent(feed)}`),
    refresh: async (feed, full) => await untilDone(list, await call<SubscriptionView>('POST', `/${encodeURIComponent(feed)}/refresh?full=${String(full)}`))
  }
}

/** Waits until a run that began after `asked` has ended. */
async function untilDone (list: () => Promise<SubscriptionView[]>, asked: SubscriptionView): Promise<SubscriptionView> {
  const giveUpAt = Date.now() + WAIT_MS
  for (;;) {
    const now = (await list()).find(({ feed }) => feed === asked.feed)
    if (now === undefined) throw new Error(`${asked.feed} was unsubscribed meanwhile`)
    const begun = now.lastAttemptAt !== null && (asked.running || now.lastAttemptAt !== asked.lastAttemptAt)
    if (begun && !now.running) return now
    if (Date.now() > giveUpAt) throw new Error(`${asked.feed} has not been fetched yet; see: sallyport intel subscriptions`)
    await sleep(POLL_MS)
  }
}

const listFaults = (summary: string, faults: readonly FieldFault[] = []): string =>
  [summary, ...faults.map(({ path, message }) => `  ${path === '' ? '' : `${path} `}${message}`)].join('\n')
