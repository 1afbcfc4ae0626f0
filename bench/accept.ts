import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { CONNECTIONS, mapValues, measureBare, MIX, perSecond, REPEAT_SHARE, rolesOf, SEED, usageOf, WARM_UP_SECONDS } from './fleet-load.js'
import { type Ledger, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { startRedis } from './redis-server.js'
import { startRemote } from './remote.js'
import { type StartedSallyport, startSallyport } from './started-sallyport.js'

/** Every request traced, and the same without before and after it, so that what the machine does by itself is seen. */
const TRACED = [['off', false], ['on', true], ['offAgain', false]] as const

/**
 * The way in alone: reports acknowledged, which means committed, while the workers stand still.
 * Afterwards they go on, and nothing may be missing. With tracing and without in one run, so that its price is known.
 */
export async function accept (options: BenchOptions): Promise<BenchFindings> {
  const bare = await measureBare(options)
  const sink = await startSpanSink()
  try {
    const found = new Map<string, Awaited<ReturnType<typeof measureSetup>>>()
    for (const [name, traced] of TRACED) {
      options.tell(`tracing ${traced ? 'on' : 'off'}`)
      found.set(name, await measureSetup(options, traced ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } : {}))
    }
    const [off, on, again] = TRACED.map(([name]) => found.get(name)!.results)
    const cpuOf = ({ cpuSecondsPer1000Reports: { api = 0, postgres = 0 } }: typeof off & {}): number => api + postgres
    const offCpu = (cpuOf(off!) + cpuOf(again!)) / 2
    return {
      seconds: options.seconds,
      config: { queue: options.queue, workers: 'stopped', rate: options.rate ?? null, phones: options.phones, connections: CONNECTIONS, mix: MIX, fsync: true },
      results: { ...off, tracing: { on, offAgain: again, spanBytes: sink.bytes() } },
      baselines: { bare: { perSecond: bare } },
      ratios: {
        bare: round(off!.acceptedPerSecond / bare),
        // Processor time of API and PostgreSQL for a report, and reports a second; `noise`: without tracing, the second by the first.
        tracingCpu: round(cpuOf(on!) / offCpu),
        tracingAccepted: round(on!.acceptedPerSecond / ((off!.acceptedPerSecond + again!.acceptedPerSecond) / 2)),
        noiseCpu: round(cpuOf(again!) / cpuOf(off!))
      },
      checks: {
        ...found.get('off')!.checks,
        ...Object.fromEntries(Object.entries(found.get('on')!.checks).map(([name, isSo]) => [`${name}Traced`, isSo])),
        spansArrived: sink.bytes() > 0
      }
    }
  } finally {
    await sink.close()
  }
}

async function measureSetup (options: BenchOptions, env: Readonly<Record<string, string>>) {
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  try {
    const sallyport = await startSallyport({ workers: options.workers, env, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const ledger = await openLedger(sallyport)
    try {
      return await measureAccepting(options, sallyport, ledger)
    } finally {
      await ledger.close()
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

/** Takes spans and throws them away. In this process, whose time is nobody's. */
async function startSpanSink (): Promise<{ readonly url: string, bytes (): number, close (): Promise<void> }> {
  let bytes = 0
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => { bytes += chunk.length })
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

async function measureAccepting ({ phones, seconds, rate, tell }: BenchOptions, sallyport: StartedSallyport, ledger: Ledger) {
  const { apiUrl, enrollmentToken } = sallyport
  const load = startRemote<LoadApi>('load-process')
  const roles = rolesOf(sallyport, load, undefined)
  const signalWorkers = (signal: NodeJS.Signals): void => { for (const pid of roles.worker ?? []) process.kill(pid, signal) }
  const target = { apiUrl, connections: CONNECTIONS }
  try {
    tell(`enrolling ${phones} phones …`)
    await load.call('enroll', { apiUrl, enrollmentToken, phones, seed: SEED })
    await load.call('introduce', target)
    await load.call('drive', { ...target, seconds: WARM_UP_SECONDS })
    await ledger.drained()

    tell('as many as possible …')
    signalWorkers('SIGSTOP')
    const usedBefore = usageOf(roles)
    const full = await load.call('drive', { ...target, seconds, repeatShare: REPEAT_SHARE, ...(rate === undefined ? {} : { ratePerSecond: rate }) })
    const usedAfter = usageOf(roles)
    tell('at half of that …')
    const half = await load.call('drive', { ...target, seconds, ratePerSecond: perSecond(full) / 2 })
    signalWorkers('SIGCONT')
    tell('scoring what has come in …')
    await ledger.drained()
    return {
      results: {
        acceptedPerSecond: perSecond(full),
        acceptMs: quantiles(half.latenciesMs),
        acceptMsAt: { perSecond: perSecond(half) },
        acceptMsAtCapacity: quantiles(full.latenciesMs),
        refused: full.refused,
        cpuSecondsPer1000Reports: mapValues(usedAfter, ({ cpuSeconds }, role) => round((cpuSeconds - (usedBefore[role]?.cpuSeconds ?? 0)) / full.accepted * 1000)),
        rssBytes: mapValues(usedAfter, ({ bytes }) => bytes)
      },
      checks: { ...await ledger.check(await load.call('tally', null)), everyRepeatRecognised: full.repeated === full.recognised }
    }
  } finally {
    signalWorkers('SIGCONT')
    await load.stop()
  }
}
