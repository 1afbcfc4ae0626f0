import { randomBytes, randomUUID } from 'node:crypto'
import { UnrecoverableError } from 'bullmq'
import t from 'tap'
import { createLogger } from '../../src/platform/log.js'
import { openQueues } from '../../src/platform/queues.js'
import { NO_TRACING } from '../../src/platform/tracing.js'
import { startTestApi } from '../helpers/api.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport } from '../helpers/devices.js'
import { createGate } from '../helpers/gate.js'
import { keepLog } from '../helpers/log.js'
import { recordTraces, traceIdOf } from '../helpers/spans.js'

interface Line { readonly msg: string, readonly trace_id?: string, readonly span_id?: string, readonly route?: string }

/** A log whose lines are kept, also for the search for secrets. */
function recordLog () {
  const lines: Line[] = []
  const log = createLogger({ level: 'trace', destination: { write (line) { keepLog(line); lines.push(JSON.parse(line) as Line) } } })
  return { log, lines, named: (msg: string): Line[] => lines.filter((line) => line.msg === msg) }
}

const newTrace = (flags = '01'): string => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags}`
const idIn = (traceParent: string): string => traceParent.slice(3, 35)

t.test('lines of a request name its trace, wherever it was refused', async (t) => {
  const { log, named } = recordLog()
  const recorded = recordTraces(t)
  const api = await startTestApi(t, { log, tracing: recorded.tracing })
  const { call: callAs } = api
  const { accessToken } = await api.enroll()
  const refusals: ReadonlyArray<readonly [what: string, bearer: string | undefined, body: string | object]> = [
    ['before its body is read', undefined, makeReport(1)],
    ['for a body that cannot be read', accessToken, '{'],
    ['for a body that is wrong', accessToken, { reportId: 7 }]
  ]
  const told = new Map<string, string | undefined>()
  for (const [what, bearer, body] of refusals) {
    const trace = newTrace()
    const before = named('request refused').length
    const answer = await api.call(bearer, 'POST', '/v1/telemetry', body, { traceparent: trace, 'content-type': 'application/json' })
    t.ok(answer.statusCode >= 400 && answer.statusCode < 500, what)
    const [line, ...more] = named('request refused').slice(before)
    t.match(line, { trace_id: idIn(trace), span_id: /^[0-9a-f]{16}$/, route: '/v1/telemetry' }, what)
    t.strictSame(more, [])
    told.set(trace, line?.span_id)
  }
  await callAs(undefined, 'POST', '/v1/telemetry', makeReport(1), { traceparent: newTrace('00') })
  t.strictSame(Object.keys(named('request refused').at(-1)!).filter((key) => key.endsWith('_id')), [], 'a request that is not sampled has no trace to look at')
  await recorded.tracing.close()
  for (const [trace, spanId] of told) {
    t.equal(spanId, recorded.spans.find((one) => traceIdOf(one) === idIn(trace) && one.name === 'POST /v1/telemetry')?.spanContext().spanId, 'it is the request\'s own span')
  }
})

t.test('lines of a job name the trace in which it was added, and its failure does', async (t) => {
  const { log, named } = recordLog()
  const { tracing } = recordTraces(t)
  const { url } = await createTestDatabase(t)
  const queues = await openQueues({ databaseUrl: url, log, tracing })
  t.teardown(async () => await queues.close())
  const [first, second] = [newTrace(), newTrace()]
  const both = createGate()
  let failed = 0
  queues.startWorker('sync', async () => {
    log.info('a line of a job')
    throw new UnrecoverableError('on purpose')
  }, { concurrency: 1, onFailed: () => { if (++failed === 3) both.open() } })
  for (const trace of [first, undefined, second]) await tracing.within(trace, async () => await queues.producer('sync').add([{ tenantId: randomUUID() }]))
  await both.opened
  for (const msg of ['a line of a job', 'job failed']) t.strictSame(named(msg).map((line) => line.trace_id), [idIn(first), undefined, idIn(second)], msg)
})

t.test('without tracing no line has a trace, whatever the caller sends', async (t) => {
  const { log, lines, named } = recordLog()
  const { call: callAs } = await startTestApi(t, { log })
  await callAs(undefined, 'POST', '/v1/telemetry', makeReport(1), { traceparent: newTrace() })
  await NO_TRACING.within(newTrace(), async () => log.info('a line'))
  t.equal(named('request refused').length, 1)
  t.strictSame(lines.filter((line) => 'trace_id' in line || 'span_id' in line), [])
})
