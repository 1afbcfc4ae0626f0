import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { createSecretBox } from '../../src/platform/secret-box.js'
import type { Database } from '../../src/platform/database.js'
import { startTestApi } from '../helpers/api.js'
import { makeAssertion, makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'

/** Everything that the database holds, as text. Bytes are in hex. */
async function dump (db: Database): Promise<string> {
  const { rows } = await sql<{ table: string }>`select format('%I.%I', table_schema, table_name) as "table" from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`.execute(db)
  const texts = await Promise.all(rows.map(async ({ table }) => (await sql<{ row: string }>`select r::text as row from ${sql.raw(table)} r`.execute(db)).rows.map(({ row }) => row).join('\n')))
  return texts.join('\n')
}

t.test('nothing in the database lets anybody in, and no secret stands in it', async (t) => {
  const secretsKey = randomBytes(32).toString('base64')
  const api = await startTestApi(t, { secrets: createSecretBox(secretsKey) })
  const { tenantId } = api
  const platformKey = await api.keyFor('platform-admin')
  const adminKey = await api.keyFor('admin')
  const ask = async <T>(bearer: string | undefined, method: 'POST', url: string, body: object): Promise<T> => {
    const answer = await api.call(bearer, method, url, body)
    if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.body}`)
    return answer.json<T>()
  }

  const { token: enrollmentToken } = await ask<{ token: string }>(adminKey, 'POST', `/v1/tenants/${tenantId}/enrollment-tokens`, { label: 'x' })
  const key = await makeKey()
  const { deviceId, accessToken } = await ask<{ deviceId: string, accessToken: string }>(enrollmentToken, 'POST', '/v1/enroll', { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', publicKey: key.publicJwk })
  const assertion = await makeAssertion(key, deviceId, 'https://mtd.example/v1/token')
  const { accessToken: second } = await ask<{ accessToken: string }>(undefined, 'POST', '/v1/token', { grant_type: JWT_BEARER_GRANT, assertion })
  await ask(second, 'POST', '/v1/telemetry', makeReport(1, { config: { passcodeSet: false } }))
  const password = `hunter2-${randomBytes(8).toString('hex')}`
  await ask(platformKey, 'POST', '/v1/intel/subscriptions', { feed: 'list', url: 'https://feeds.example/list.csv', username: 'u', password })
  const { secret: webhookSecret } = await ask<{ secret: string }>(adminKey, 'POST', `/v1/tenants/${tenantId}/signal-destinations`, { kind: 'webhook', name: 'hook', url: 'https://hook.example/' })
  const authorization = `Bearer ${randomBytes(12).toString('hex')}`
  await ask(adminKey, 'POST', `/v1/tenants/${tenantId}/signal-destinations`, { kind: 'ocsf-https', name: 'siem', url: 'https://siem.example/', authorization })
  const { url: consentUrl } = await ask<{ url: string }>(adminKey, 'POST', `/v1/tenants/${tenantId}/connector/consent`, {})
  const state = new URL(consentUrl).searchParams.get('state')!

  const secrets: Readonly<Record<string, string>> = {
    'API key': adminKey, 'API key of the platform': platformKey, 'enrolment token': enrollmentToken, 'access token': accessToken, 'second access token': second, assertion, password,
    'webhook\'s secret': webhookSecret, authorization, 'state of a consent': state, 'key for secrets': secretsKey, 'signing key': api.keys.current().secret.toString('base64')
  }
  const text = await dump(api.db)
  t.ok(text.includes(deviceId) && text.includes('hook.example'), 'the dump holds what there is')
  for (const [what, secret] of Object.entries(secrets)) {
    t.ok(secret.length >= 20, what)
    const tail = secret.replace(/^(?:Bearer |\w+_)/, '')
    for (const spelt of [secret, tail, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64'), Buffer.from(tail, 'base64').toString('hex'), Buffer.from(tail, 'base64url').toString('hex')]) {
      if (spelt.length >= 15) t.notOk(text.includes(spelt), `no ${what}`)
    }
  }
})
