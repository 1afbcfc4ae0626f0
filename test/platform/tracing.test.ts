import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { NO_TRACING, openTracing, type TracingOptions } from '../../src/platform/tracing.js'
import { silentLog } from '../helpers/log.js'
import { linksOf, recordTraces, traceIdOf } from '../helpers/spans.js'

const A = `00-${'a'.repeat(32)}-${'1'.repeat(16)}-01`
const B = `00-${'b'.repeat(32)}-${'2'.repeat(16)}-01`
const UNSAMPLED = `00-${'c'.repeat(32)}-${'3'.repeat(16)}-00`
const OK = { 'http.response.status_code': 202 }
const OPTIONS: TracingOptions = {
  url: undefined, protocol: 'http/protobuf', headers: {}, compression: 'none', timeoutMs: 1_000, sampler: 'always_on', samplerRatio: 1, serviceName: 'sallyport', resourceAttributes: {},
  batch: { delayMs: 5_000, maxQueueSpans: 2_048, maxBatchSpans: 512 }, log: silentLog
}

t.test('without a collector nothing is traced, and OpenTelemetry\'s SDK is not even loaded', async (t) => {
  t.equal(await openTracing(OPTIONS), NO_TRACING)
  t.equal(await NO_TRACING.inSpan('work', { continues: [A] }, async (span) => {
    t.equal(NO_TRACING.current(), undefined)
    t.strictSame([span.traceParent, span.nextOf(A), span.nextOf(null)], [undefined, A, null], 'a trace of others goes on over us')
    return 7
  }), 7)
  // The files that Node has opened for a module are not listed anywhere; those it has required are.
  const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', `
    import { createRequire } from 'node:module'
    await Promise.all(['start-api', 'wire-workers', 'installation'].map((name) => import(${JSON.stringify(join(packageRoot, 'dist/src/commands/'))} + name + '.js')))
    process.stdout.write(Object.keys(createRequire(${JSON.stringify(join(packageRoot, 'package.json'))}).cache).filter((file) => /@opentelemetry.(?:sdk|exporter|otlp)/.test(file)).join())`], { encoding: 'utf8' })
  t.equal(loaded, '')
})

t.test('a request begins a trace, or goes on with its caller\'s', async (t) => {
  const { tracing, spans } = recordTraces(t)
  for (const header of [undefined, A, UNSAMPLED, 'nonsense', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`, `${A}, ${B}`]) tracing.startRequest(`request with ${header}`, header, { 'http.route': '/x' }).end(OK)
  await tracing.close()
  t.equal(spans.length, 5, 'a caller whose own trace is not sampled is left alone')
  const [alone, inA, ...malformed] = spans
  t.match(traceIdOf(alone!), /^[0-9a-f]{32}$/)
  t.equal(alone!.parentSpanContext, undefined)
  t.strictSame([traceIdOf(inA!), inA!.parentSpanContext?.spanId], ['a'.repeat(32), '1'.repeat(16)])
  t.ok(malformed.every((span) => span.parentSpanContext === undefined && traceIdOf(span) !== 'a'.repeat(32)), 'what is malformed counts as none')
  t.match(alone!.resource.attributes, { 'service.name': 'sallyport test', 'deployment.environment.name': 'test', 'process.pid': process.pid })
})

t.test('the samplers do as OpenTelemetry says', async (t) => {
  for (const [sampler, ratio, expected] of [
    ['always_on', 0, 3], ['always_off', 1, 0], ['traceidratio', 1, 3], ['traceidratio', 0, 0], ['parentbased_always_on', 0, 2], ['parentbased_always_off', 1, 1], ['parentbased_traceidratio', 0, 1], ['parentbased_traceidratio', 1, 2]
  ] as const) {
    const { tracing, spans } = recordTraces(t, { sampler, samplerRatio: ratio })
    for (const header of [undefined, A, UNSAMPLED]) tracing.startRequest('request', header, {}).end(OK)
    await tracing.close()
    t.equal(spans.length, expected, `${sampler} ${ratio}`)
  }
})

t.test('work in a request is below it; work on many things goes on with the first and is linked to the others', async (t) => {
  const { tracing, spans, named } = recordTraces(t)
  const request = tracing.startRequest('request', A, {})
  await new Promise<void>((resolve) => request.run(() => {
    void tracing.inSpan('below', { attributes: { reports: 1 } }, async (span) => {
      t.equal(tracing.current(), span.traceParent)
      await tracing.inSpan('of others', { continues: [null, B, undefined, A, B] }, async (inner) => {
        t.equal(inner.nextOf(B), inner.traceParent)
        t.equal(inner.nextOf(A), A)
      })
      await tracing.inSpan('of nobody', { continues: [null, UNSAMPLED] }, async (inner) => {
        t.strictSame([inner.traceParent, tracing.current(), inner.nextOf(A)], [undefined, undefined, A], 'not even of the request around')
        await tracing.inSpan('below nobody', {}, async () => {})
      })
      t.equal(tracing.current(), span.traceParent)
    }).then(resolve)
  }))
  request.end(OK)
  await tracing.close()
  t.strictSame(spans.map(({ name }) => name), ['of others', 'below', 'request'])
  t.equal(named('below').parentSpanContext?.spanId, named('request').spanContext().spanId)
  t.strictSame(named('below').attributes, { reports: 1 })
  t.strictSame([traceIdOf(named('of others')), linksOf(named('of others'))], ['b'.repeat(32), ['a'.repeat(32)]])
})

t.test('what fails is marked, without a word of what was said', async (t) => {
  const { tracing, named } = recordTraces(t)
  const error = Object.assign(new Error('the phone said rosebud'), { code: 'ECONNRESET' })
  await t.rejects(tracing.inSpan('work', { continues: [A] }, async () => { throw error }), error)
  tracing.startRequest('request', undefined, {}).end({ 'http.response.status_code': 503 })
  await tracing.close()
  t.strictSame([named('work').status, named('work').attributes, named('work').events], [{ code: 2 }, { 'error.type': 'ECONNRESET' }, []])
  t.equal(named('request').status.code, 2)
})
