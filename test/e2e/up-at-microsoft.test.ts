import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { SIMULATED_API, SIMULATED_OPERATOR, SIMULATED_RELYING_PARTY } from '../../src/commands/simulated-tenant.js'
import { startUp, temporaryFolder } from './sallyport.js'

const dataDir = temporaryFolder(t)
const { ready } = await startUp(t, ['--data-dir', dataDir])
const { intuneClientSecret } = JSON.parse(readFileSync(join(dataDir, 'credentials.json'), 'utf8')) as { intuneClientSecret: string }

interface Answer {
  readonly items?: ReadonlyArray<{ readonly entraDeviceId: string, readonly level: string | null }>
  readonly nextCursor?: string
  readonly accessToken?: string
  readonly checks?: ReadonlyArray<{ readonly check: string, readonly state: string, readonly text: string }>
}

async function ask (path: string, bearer: string, init: RequestInit = {}): Promise<{ readonly status: number, readonly body: Answer }> {
  const answer = await fetch(`${ready.api}${path}`, { ...init, headers: { authorization: `Bearer ${bearer}`, ...(init.body == null ? {} : { 'content-type': 'application/json' }) } })
  return { status: answer.status, body: await answer.json() as Answer }
}

/** A token for our API from the simulated Entra, over the protocol that the real one speaks. */
async function tokenOf (clientId: string): Promise<string> {
  const answer = await fetch(`${ready.intuneSimulator}/${ready.entraTenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: intuneClientSecret, scope: `${SIMULATED_API.uri}/.default` })
  })
  return (await answer.json() as { access_token: string }).access_token
}

t.test('an operator\'s script signs in with the simulated Entra, and may what its role there says', async (t) => {
  const token = await tokenOf(SIMULATED_OPERATOR)
  const tenant = `/v1/tenants/${ready.tenantId}`
  t.match(await ask('/v1/me', token), { status: 200, body: { kind: 'app', roles: [{ role: 'analyst', tenantId: ready.tenantId }], account: { directory: ready.entraTenantId } } })
  t.match(await ask(`${tenant}/devices`, token), { status: 200 })
  t.equal((await ask(`${tenant}/enrollment-tokens`, token)).status, 403)
  t.equal((await ask('/v1/tenants/00000000-0000-4000-8000-000000000000/devices', token)).status, 404)
  t.equal((await ask('/v1/partner/devices', token)).status, 403, 'and is no relying party')
  t.match((await ask('/v1/me', await tokenOf(SIMULATED_RELYING_PARTY))).body, { roles: [] }, 'which in turn is no operator')
})

t.test('a relying party gets a token from the simulated Entra and follows the states of phones with it', async (t) => {
  const accessToken = await tokenOf(SIMULATED_RELYING_PARTY)
  const first = await ask('/v1/partner/devices', accessToken)
  t.match(first, { status: 200, body: { items: [], more: false, nextCursor: String } })
  t.match(await ask('/v1/partner/state', accessToken), { status: 200 })

  const entraDeviceId = '7f2b6f0e-5a43-4c0e-9a58-0c4a2a1c9d11'
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  const enrolled = await ask('/v1/enroll', ready.enrollmentToken!, { method: 'POST', body: JSON.stringify({ entraDeviceId, platform: 'android', osVersion: '15', publicKey: { kty, crv, x, y } }) })
  t.equal(enrolled.status, 201)
  const report = { reportId: crypto.randomUUID(), sequence: 1, collectedAt: new Date().toISOString(), integrity: { rooted: true, reasons: ['su'] } }
  t.equal((await ask('/v1/telemetry', enrolled.body.accessToken!, { method: 'POST', body: JSON.stringify(report) })).status, 202)

  const seen: Array<{ entraDeviceId: string, level: string | null }> = []
  let cursor = first.body.nextCursor!
  while (!seen.some(({ level }) => level === 'high')) {
    const { status, body } = await ask(`/v1/partner/devices?changedSince=${encodeURIComponent(cursor)}&wait=5`, accessToken)
    t.equal(status, 200)
    seen.push(...body.items!)
    cursor = body.nextCursor!
  }
  t.equal(seen.at(-1)!.entraDeviceId, entraDeviceId)
  t.match(await ask(`/v1/partner/devices/${entraDeviceId}/threat-state`, accessToken), { status: 200, body: { level: 'high', threatState: 'highSeverity' } })
  t.equal((await ask('/v1/partner/state', ready.operatorToken!)).status, 401, 'an operator\'s key is no token of Entra')
})

t.test('the doctor finds the demo tenant set up, down to the licence', async (t) => {
  const path = `/v1/tenants/${ready.tenantId}/connector/doctor`
  let checks: NonNullable<Answer['checks']> = []
  for (let looks = 0; looks < 100; looks++) {
    checks = (await ask(path, ready.operatorToken!)).body.checks!
    if (checks.every(({ check, state }) => state === 'ok' || check === 'conflict-public-url')) break
    // The tenant is set up in the background.
    await sleep(200)
  }
  t.strictSame(checks.filter(({ state }) => state !== 'ok').map(({ check, state }) => `${check} ${state}`), ['conflict-public-url warning'], 'phones could not reach a trial from outside, and that it says')
})
