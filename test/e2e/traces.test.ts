import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'
import { startUp } from './sallyport.js'

/** What a collector gets by OTLP over HTTP in JSON (opentelemetry-proto, trace/v1). */
interface Sent {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<{ key: string, value: { stringValue?: string, intValue?: number } }> }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<{ traceId: string, spanId: string, parentSpanId?: string, name: string }> }>
  }>
}
interface Received { readonly traceId: string, readonly spanId: string, readonly parentSpanId?: string, readonly name: string, readonly pid: number | undefined }

/** A collector that keeps what it gets, and the headers that came with it. */
async function startCollector (t: Test) {
  const spans: Received[] = []
  const headers: Array<Readonly<Record<string, unknown>>> = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      headers.push({ ...request.headers, url: request.url })
      const { resourceSpans } = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as Sent
      for (const { resource, scopeSpans } of resourceSpans) {
        const pid = resource.attributes.find(({ key }) => key === 'process.pid')?.value.intValue
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) spans.push({ ...span, pid })
      }
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the collector does not listen')
  return { url: `http://127.0.0.1:${address.port}`, spans, headers }
}

t.test('a collector sees one trace from the agent\'s request in one process to Intune\'s answer in another', async (t) => {
  const collector = await startCollector(t)
  const { ready, processes, child, exited } = await startUp(t, ['--ephemeral', '--workers', '1'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=let%20me%20in', OTEL_BSP_SCHEDULE_DELAY: '50'
  })
  const post = async (path: string, bearer: string, body: object, headers = {}): Promise<Record<string, string>> => {
    const answer = await fetch(`${ready.api}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}`, ...headers }, body: JSON.stringify(body) })
    t.ok(answer.ok, `${path}: ${answer.status}`)
    return await answer.json() as Record<string, string>
  }
  const { accessToken } = await post('/v1/enroll', ready.enrollmentToken!, { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 8', publicKey: (await makeKey()).publicJwk })
  const traceId = randomBytes(16).toString('hex')
  const agentSpan = randomBytes(8).toString('hex')
  await post('/v1/telemetry', accessToken!, makeReport(1, { integrity: { rooted: true } }), { traceparent: `00-${traceId}-${agentSpan}-01` })

  const inTrace = (): Received[] => collector.spans.filter((span) => span.traceId === traceId)
  const named = (name: string): Received | undefined => inTrace().find((span) => span.name === name)
  while (named('POST /v1/telemetry') === undefined || named('wait for Intune') === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGTERM')
  t.equal(await exited, 0)

  const path: string[] = []
  for (let span = named('Intune upload'); span !== undefined; span = inTrace().find(({ spanId }) => spanId === span?.parentSpanId)) path.unshift(span.name)
  t.strictSame(path, ['POST /v1/telemetry', 'store reports', 'add score.score', 'process score', 'judge devices', 'send states to Intune', 'Intune upload'])
  t.equal(named('POST /v1/telemetry')!.parentSpanId, agentSpan)
  const pidOf = (name: string): number => processes.find((one) => one.name === name)!.pid
  t.strictSame([Number(named('POST /v1/telemetry')!.pid), Number(named('Intune upload')!.pid)], [pidOf('api'), pidOf('worker-1')])
  t.match(collector.headers[0], { url: '/v1/traces', 'x-collector-key': 'let me in', 'content-encoding': 'gzip', 'content-type': 'application/json' })
})
