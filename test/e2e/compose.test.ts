import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { Agent } from '../../src/agent/agent.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { DRAIN_LIMIT_MS, STOP_LIMIT_MS } from '../../src/platform/lifecycle.js'
import { findFreePort } from '../../src/platform/free-port.js'
import { createTestDatabase } from '../helpers/database.js'
import { findRedis } from '../helpers/redis.js'
import { startCommand, type StartedCommand, temporaryFolder } from './sallyport.js'

interface Service {
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
  readonly image?: string
  readonly networks?: readonly string[]
  readonly ports?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
}
interface Compose { readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>, readonly services: Readonly<Record<string, Service>>, readonly volumes: Readonly<Record<string, unknown>> }

const text = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8')
const compose = parse(text, { merge: true }) as Compose
const OURS = Object.entries(compose.services).filter(([, { image }]) => image === 'sallyport:local').map(([name]) => name)

t.test('the compose file is whole', async (t) => {
  t.strictSame(OURS.sort(), ['api', 'migrate', 'simulator', 'worker'])
  for (const [name, service] of Object.entries(compose.services)) {
    for (const other of Object.keys(service.depends_on ?? {})) t.ok(other in compose.services, `${name} depends on ${other}`)
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':')
      if (!source.startsWith('.')) t.ok(source in compose.volumes, `${name} uses ${source}`)
    }
  }
  const example = readFileSync(join(packageRoot, '.env.example'), 'utf8')
  for (const [, variable] of text.matchAll(/\$\{([A-Z_]+)/g)) t.match(example, new RegExp(`^${variable}=`, 'm'), `${variable} is in .env.example`)
})

t.test('what it runs has no rights that it does not need, and reaches nothing that it does not use', async (t) => {
  for (const name of OURS) t.match(compose.services[name], { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
  for (const [name, { networks = [], ports = [] }] of Object.entries(compose.services)) {
    t.ok(networks.length > 0 && networks.every((network) => network in compose.networks), `${name} is in networks that are there`)
    for (const port of ports) t.match(port, /^127\.0\.0\.1:/, `${name} is published on loopback alone`)
  }
  const inData = Object.entries(compose.services).filter(([, { networks = [] }]) => networks.includes('data')).map(([name]) => name)
  t.strictSame(inData.sort(), ['api', 'migrate', 'postgres', 'redis', 'worker'], 'what has no password of its own is with those alone who use it')
  t.equal(compose.networks.data?.internal, true)
})

t.test('it is seen whether those that serve are ready', async (t) => {
  for (const name of ['api', 'worker']) t.match(compose.services[name]!.healthcheck?.test.at(-1), /127\.0\.0\.1:9090\/readyz/, name)
})

t.test('an API that stops is noticed before it stops to listen, and is not killed before it has finished', async (t) => {
  const seconds = (text: string | undefined): number => Number(/^(\d+)s$/.exec(text ?? '')?.[1])
  const haproxy = readFileSync(join(packageRoot, 'deploy/haproxy/haproxy.cfg'), 'utf8')
  const [, interval, falls] = /^ {2}server-template .* inter (\d+)s fall (\d+) /m.exec(haproxy) ?? []
  const { api, worker } = compose.services
  const delay = Number(api!.environment!.STOP_DELAY_SECONDS)
  t.ok(delay > Number(interval) * Number(falls), 'HAProxy has asked in vain as often as it asks')
  t.ok(seconds(api!.stop_grace_period) * 1000 > delay * 1000 + DRAIN_LIMIT_MS + STOP_LIMIT_MS)
  t.ok(seconds(worker!.stop_grace_period) * 1000 > DRAIN_LIMIT_MS + STOP_LIMIT_MS)
  // What /readyz looks at may take three seconds (ops-app.ts).
  t.ok(seconds(/^ {2}timeout check (\d+s)$/m.exec(haproxy)?.[1]) > 3)
})

t.test('its commands, run as they stand there, are a whole installation', async (t) => {
  const stage = await setStage(t)
  const run = (service: string): StartedCommand => startCommand(t, stage.commandOf(service), stage.environmentOf(service))

  const migrate = run('migrate')
  t.match(JSON.parse(await allOf(migrate)), { applied: [/0001/] })
  t.equal(await migrate.exited, 0)

  run('simulator')
  await untilOk(`${stage.simulator}/healthz`)
  const api = run('api')
  await untilOk(`${stage.apiOps}/readyz`)
  const worker = run('worker')
  await untilOk(`${stage.workerOps}/readyz`)

  // The rest is docs/compose.md.
  const administer = async (...args: string[]): Promise<Record<string, string>> => JSON.parse(await allOf(startCommand(t, args, stage.environmentOf('api'))))
  const tenant = await administer('tenant', 'create', '--name', 'Example Ltd', '--entra-tenant-id', stage.entraTenantId)
  const { token } = await administer('enrollment-token', 'create', '--tenant', tenant.tenantId!)
  const entraDeviceId = '11111111-2222-4333-8444-555555555555'
  const phone = `${stage.simulator}/_sim/tenants/${stage.entraTenantId}/devices/${entraDeviceId}`
  const made = await fetch(phone, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"platform":"android","userId":"00000000-0000-4000-8000-000000000001"}' })
  t.equal(made.status, 201)

  const agent = await Agent.enroll(stage.api, token!, { entraDeviceId, platform: 'android', osVersion: '15' })
  await agent.report({ integrity: { rooted: true } })
  const blocked = await fetch(`${phone}/wait?threatState=highSeverity&timeoutMs=20000`)
  t.match(await blocked.json(), { threatState: 'highSeverity', complianceState: 'noncompliant', access: { exchange: 'blocked' } })
  await agent.report({ integrity: { rooted: false } })
  const granted = await fetch(`${phone}/wait?threatState=secured&timeoutMs=20000`)
  t.match(await granted.json(), { complianceState: 'compliant', access: { exchange: 'granted' } })

  const metrics = await (await fetch(`${stage.apiOps}/metrics`)).text()
  t.match(metrics, /^sallyport_reports_total\{status="accepted"\} 2$/m)
  for (const part of [worker, api]) {
    part.child.kill('SIGTERM')
    t.equal(await part.exited, 0)
  }
})

/** What containers and their network are in compose: names, ports and volumes of this machine. */
async function setStage (t: Test) {
  const { url } = await createTestDatabase(t, { empty: true })
  const redis = await findRedis(t)
  if (redis === undefined) t.comment('no redis-server on this machine: the queues of this test are in PostgreSQL')
  const [http, https, api, apiOps, workerOps] = await Promise.all(Array.from({ length: 5 }, findFreePort))
  const shared = temporaryFolder(t)
  const entraTenantId = '99999999-0000-4000-8000-000000000009'
  const secrets: Readonly<Record<string, string>> = { ENTRA_TENANT_ID: entraTenantId, SIMULATOR_CLIENT_SECRET: 'not-a-secret-of-anybody' }

  const localize = (value: string): string => value
    .replace(/\$\{([A-Z_]+)[^}]*\}/g, (_, name: string) => secrets[name] ?? '')
    .replace(/\b0\.0\.0\.0\b/, '127.0.0.1')
    .replace(/^\/shared/, shared)
    .replace('simulator:8443', `localhost:${https}`)
    .replace(/^simulator$/, 'localhost')
    .replace(/^8081$/, String(http))
    .replace(/^8443$/, String(https))
  return {
    entraTenantId,
    simulator: `http://127.0.0.1:${http}`,
    api: `http://127.0.0.1:${api}`,
    apiOps: `http://127.0.0.1:${apiOps}`,
    workerOps: `http://127.0.0.1:${workerOps}`,
    commandOf: (service: string): string[] => compose.services[service]!.command!.map(localize),
    environmentOf (service: string): Record<string, string> {
      const own = Object.fromEntries(Object.entries(compose.services[service]!.environment ?? {}).map(([name, value]) => [name, localize(value)]))
      if (own.DATABASE_URL === undefined) return own
      const { REDIS_URL: _, ...rest } = own
      return {
        ...rest,
        DATABASE_URL: url,
        ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
        PUBLIC_URL: `http://127.0.0.1:${api}`,
        PORT: String(api),
        OPS_PORT: String(service === 'worker' ? workerOps : apiOps)
      }
    }
  }
}

async function allOf ({ lines, exited, errors }: StartedCommand): Promise<string> {
  let text = ''
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) text += line.value + '\n'
  if (await exited !== 0) throw new Error(errors())
  return text
}

async function untilOk (url: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ;) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok === true) return
    if (Date.now() > deadline) throw new Error(`${url} answers ${answer?.status ?? 'nothing'}: ${await answer?.text()}`)
    await wait(50)
  }
}
