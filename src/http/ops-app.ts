import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify'
import type { Logger } from 'pino'
import { QueuesUnavailableError } from '../errors.js'
import type { Metrics } from '../platform/metrics.js'
import { QUEUE_NAMES } from '../platform/queue-names.js'
import type { Queues } from '../platform/queues.js'
import type { UpkeepTask } from '../platform/upkeep-tasks.js'
import { HTTP_LIMITS, serverOptionsOf } from './http-limits.js'
import { addLocalNamesOnly } from './plugins/local-names.js'
import { addProblemDetails, UNREADABLE_REQUESTS } from './plugins/problem-details.js'
import { addStrictHttp } from './plugins/strict-http.js'
import { PROBLEM_MEDIA_TYPE, RETRY_AFTER_SECONDS, toProblem } from './problem.js'

export interface OpsAppOptions {
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'render'>
  readonly queues: Pick<Queues, 'queue' | 'check'>
  /** What must work for this process to be of use: each answers, or throws with the reason. Looked at anew for each request: parts that start later add theirs. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>
  /** What it can do without for a while: told, and no reason to take it away. */
  readonly degradations?: Readonly<Record<string, () => Promise<void>>>
  /** How the tasks of upkeep are. */
  readonly listUpkeep?: () => Promise<readonly UpkeepTask[]>
}

const QUEUES_PATH = '/queues'
const CHECK_LIMIT_MS = 3_000
/** The board asks BullMQ, which waits for an engine that is away for ever. */
const BOARD_LIMIT_MS = 15_000
/** Nothing here takes a body worth speaking of. */
const MAX_BODY_BYTES = 16 * 1024

/** For whoever runs Sallyport: health, metrics and queues. Has no sign-in, so it belongs on loopback or inside a cluster. */
export async function buildOpsApp ({ log, metrics, queues, checks, degradations = {}, listUpkeep = async () => [] }: OpsAppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    ...UNREADABLE_REQUESTS,
    ...serverOptionsOf(HTTP_LIMITS),
    bodyLimit: MAX_BODY_BYTES,
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true })
  }) as unknown as FastifyInstance
  addProblemDetails(app)
  addStrictHttp(app, HTTP_LIMITS)
  addLocalNamesOnly(app)
  // The board's page has scripts of its own in it, so no policy for its content; who frames it could have it clicked.
  await app.register(helmet, { contentSecurityPolicy: false })

  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const [missing, degraded] = await Promise.all([faultsOf(checks), faultsOf(degradations)])
    const isReady = Object.keys(missing).length === 0
    const isWhole = Object.keys(degraded).length === 0
    reply.code(isReady ? 200 : 503)
    return { status: !isReady ? 'not-ready' : isWhole ? 'ready' : 'degraded', checked: [...Object.keys(checks), ...Object.keys(degradations)], missing, degraded }
  })

  // Not part of readiness: to take an API away because a task is late would help nobody.
  app.get('/upkeep', async () => ({ items: await listUpkeep() }))

  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.render()
    reply.header('content-type', contentType)
    return body
  })

  const board = new FastifyAdapter()
  board.setBasePath(QUEUES_PATH)
  createBullBoard({ queues: QUEUE_NAMES.map((name) => new BullMQAdapter(queues.queue(name), { readOnlyMode: true })), serverAdapter: board })
  await app.register(async (scope) => {
    guardBoard(scope, queues)
    await scope.register(board.registerPlugin() as never, { prefix: QUEUES_PATH })
  })
  return app
}

/** Answers 503 while the engine of the queues is away, and where it goes away in the middle of an answer. */
function guardBoard (scope: FastifyInstance, queues: OpsAppOptions['queues']): void {
  scope.addHook('onRequest', async (request, reply) => {
    // Its scripts and pictures are there; its page is of no use without what it shows.
    if (request.url.startsWith(`${QUEUES_PATH}/static/`)) return
    // Not thrown: the board would answer in its own way, and its page, which asks again and again, would fill the log.
    const refuse = (): FastifyReply => reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).header('content-type', PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(toProblem(new QueuesUnavailableError(), request.url.split('?')[0]!))
    if (await outcomeOf(queues.check) !== undefined) return refuse()
    const timer = setTimeout(() => { if (!reply.sent) refuse() }, BOARD_LIMIT_MS)
    reply.raw.once('close', () => clearTimeout(timer))
  })
}

async function faultsOf (checks: OpsAppOptions['checks']): Promise<Record<string, string>> {
  const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)] as const))
  return Object.fromEntries(results.filter((result): result is readonly [string, string] => result[1] !== undefined))
}

/** Undefined when all is well; otherwise what is wrong, in words. */
async function outcomeOf (check: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([check(), new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_LIMIT_MS} ms`)), CHECK_LIMIT_MS)
    })])
    return undefined
  } catch (error) {
    // Where several addresses were tried in vain there is no message, only a code.
    return error instanceof Error ? error.message || (error as { code?: string }).code || error.name : String(error)
  } finally {
    clearTimeout(timer)
  }
}
