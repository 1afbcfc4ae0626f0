import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { insertStateChanges, type NewStateChange } from '../../src/devices/state-change-repository.js'
import { createAddressGuard } from '../../src/platform/address-guard.js'
import { createSecretBox } from '../../src/platform/secret-box.js'
import { createPoster } from '../../src/signals/send/poster.js'
import { createSignalRunner, type SignalRunner, type SignalRunnerDeps } from '../../src/signals/signal-runner.js'
import { createSetSigner } from '../../src/signals/ssf/set-keys.js'
import { startTestApi, type TestApi, type TestApiOptions } from '../helpers/api.js'
import { seedDevice } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'

export const AUTHORITY = 'https://login.microsoftonline.com'
export const PUBLIC_URL = 'https://mtd.example'
const LIMITS = { connectMs: 2_000, headersMs: 1_000, idleMs: 1_000, wholeMs: 3_000 }

export interface Phone { readonly deviceId: string, readonly entraDeviceId: string, readonly tenantId: string }

export interface SignalWorld extends TestApi {
  readonly secrets: ReturnType<typeof createSecretBox>
  readonly runner: SignalRunner
  readonly outcomes: string[]
  readonly entraTenantId: string
  openRunner (more?: Partial<SignalRunnerDeps>): SignalRunner
  /** Tells all that is due, until nothing is. */
  tell (): Promise<void>
  /** Makes all due that waits for a later attempt. */
  hurry (): Promise<void>
  addPhone (tenantId?: string): Promise<Phone>
  /** What a judgement would write of a phone. */
  change (phone: Phone, level: NewStateChange['level'], previousLevel: NewStateChange['level'], more?: Partial<NewStateChange> & { readonly at?: Date }): Promise<void>
}

const HEALTH = { secured: 'secured', low: 'lowSeverity', medium: 'mediumSeverity', high: 'highSeverity' } as const
const healthOf = (level: NewStateChange['level']): NewStateChange['health'] => level === null ? 'activated' : HEALTH[level]

/** The API, a runner of signals that may reach loopback, and phones whose states change by a word. */
export async function startSignalWorld (t: Test, options: TestApiOptions = {}): Promise<SignalWorld> {
  const secrets = createSecretBox(randomBytes(32).toString('base64'))
  const api = await startTestApi(t, { secrets, privateHosts: ['127.0.0.1', 'localhost'], publicUrl: () => PUBLIC_URL, maxEventLoopDelayMs: 60_000, ...options })
  const { db } = api
  const outcomes: string[] = []
  const openRunner = (more: Partial<SignalRunnerDeps> = {}): SignalRunner => {
    const guard = createAddressGuard({ privateHosts: ['127.0.0.1', 'localhost'] })
    const runner = createSignalRunner({
      db, log: options.log ?? silentLog, secrets, guard, authorityHost: AUTHORITY, version: '1.2.3', userAgent: 'Sallyport/test', limits: LIMITS,
      publicUrl: () => PUBLIC_URL, signer: createSetSigner({ db, secrets }),
      poster: createPoster({ guard, userAgent: 'Sallyport/test', limits: LIMITS }),
      onOutcome: (_kind, outcome) => { outcomes.push(outcome) },
      ...more
    })
    t.teardown(async () => await runner.close())
    return runner
  }
  const runner = openRunner()
  const { entra_tenant_id: entraTenantId } = await db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', api.tenantId).executeTakeFirstOrThrow()
  return {
    ...api,
    secrets,
    runner,
    outcomes,
    entraTenantId,
    openRunner,
    async tell () {
      await runner.wake()
      await runner.idle()
    },
    async hurry () {
      await db.updateTable('signal').set({ next_attempt_at: new Date(0) }).execute()
      await db.updateTable('signal_destination').set({ retry_at: new Date(0) }).execute()
    },
    async addPhone (tenantId = api.tenantId) {
      const { deviceId } = await seedDevice(db, tenantId)
      const { entra_device_id: entraDeviceId } = await db.selectFrom('device').select('entra_device_id').where('id', '=', deviceId).executeTakeFirstOrThrow()
      return { deviceId, entraDeviceId, tenantId }
    },
    async change (phone, level, previousLevel, { at = new Date(), ...more } = {}) {
      await db.transaction().execute(async (tx) => await insertStateChanges(tx, [{
        deviceId: phone.deviceId, version: 1, level, previousLevel, reportingState: 'activated', previousReportingState: 'activated',
        health: healthOf(level), previousHealth: healthOf(previousLevel), score: 10,
        reasons: level === null || level === 'secured' ? [] : [{ detection: 'app-spyware', severity: level, subject: 'com.example.spy' }],
        ...more
      }], at))
    }
  }
}

export interface Received { readonly path: string, readonly headers: IncomingHttpHeaders, readonly body: string }

export interface TestReceiver {
  readonly origin: string
  readonly received: Received[]
  /** What it answers; 202 at first. Answered false: nothing at all. */
  answer: (request: Received) => { readonly status: number, readonly body?: string, readonly headers?: Readonly<Record<string, string>> } | 'hang' | 'reset'
}

/** Somebody's server on loopback, gone after the test. */
export async function startReceiver (t: Test): Promise<TestReceiver> {
  const receiver: TestReceiver = { origin: '', received: [], answer: () => ({ status: 202 }) }
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { path: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
      receiver.received.push(one)
      const answer = receiver.answer(one)
      if (answer === 'reset') request.socket.resetAndDestroy()
      else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.body)
    })
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return Object.assign(receiver, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
