import { randomUUID } from 'node:crypto'
import { Agent } from '../src/agent/agent.js'

/** Who works with an installation while it is upgraded. */
export interface OperatorWorld {
  /** Of a platform administrator; `adminKey`: of the tenant's. */
  readonly platformKey: string
  readonly adminKey: string
  readonly tenantId: string
  readonly enrollmentToken: string
  /** Tells Intune of a phone that enrols. */
  readonly introduce: (entraDeviceId: string) => Promise<void>
}

/** Answers of an API by `METHOD path status`: how often. */
export type Answers = Map<string, number>

interface Documented { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> }

const PATIENCE_MS = 60_000

/**
 * What operators and a new phone do at one API, once: everything that can be read, and one of each thing that is changed and gives
 * workers something to do (policy, preview, import, suppression, phone revoked and erased).
 * @param turn counts up, so that what is changed is another thing each time
 * @param erases whether every other turn ends with the erasure of its phone
 */
export async function workAsOperators (apiUrl: string, world: OperatorWorld, { turn, erases }: { readonly turn: number, readonly erases: boolean }, answers: Answers): Promise<void> {
  const { platformKey, adminKey, tenantId, enrollmentToken, introduce } = world
  const tenant = `/v1/tenants/${tenantId}`

  async function call (key: string, method: string, path: string, { body, type = 'application/json', headers = {}, label = path }: { readonly body?: string, readonly type?: string, readonly headers?: Readonly<Record<string, string>>, readonly label?: string } = {}): Promise<{ readonly status: number, readonly text: string }> {
    const answer = await fetch(apiUrl + path, {
      method, signal: AbortSignal.timeout(PATIENCE_MS), headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': type }), ...headers }, ...(body === undefined ? {} : { body })
    })
    const text = await answer.text()
    note(answers, `${method} ${label.replaceAll(tenantId, '{tenantId}')} ${answer.status}`)
    return { status: answer.status, text }
  }

  const entraDeviceId = randomUUID()
  await introduce(entraDeviceId)
  const agent = await Agent.enroll(apiUrl, enrollmentToken, { entraDeviceId, platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 9' })
  const { status } = await agent.report({ integrity: { rooted: true, rootBinaries: ['/system/xbin/su'] } })
  note(answers, `agent report ${status}`)
  const device = `${tenant}/devices/${agent.deviceId}`

  const severity = ['low', 'medium', 'high'][turn % 3]
  const policy = `severities:\n  dev-usb-debugging: ${severity}\n`
  await call(adminKey, 'PUT', `${tenant}/policy`, { body: policy, type: 'application/yaml', headers: { 'if-match': '*' } })
  await call(adminKey, 'POST', `${tenant}/policy/preview`, { body: policy.replace(severity!, 'off'), type: 'application/yaml' })
  await call(platformKey, 'POST', '/v1/intel/feeds/upgrade/import?format=csv&class=c2', { body: `type,value\ndomain,c2-${turn}.example.net\n`, type: 'application/octet-stream' })
  const suppression = await call(adminKey, 'POST', `${tenant}/suppressions`, {
    body: JSON.stringify({ detection: 'dev-usb-debugging', reason: 'false-positive', owner: 'Ann', expiresAt: new Date(Date.now() + 60 * 60 * 1000).toISOString() })
  })
  if (suppression.status === 201) await call(adminKey, 'DELETE', `${tenant}/suppressions/${(JSON.parse(suppression.text) as { id: string }).id}`, { label: `${tenant}/suppressions/{id}` })
  await call(adminKey, 'POST', `${tenant}/connector/resync`)

  const described = JSON.parse((await call(adminKey, 'GET', '/docs/json')).text) as Documented
  for (const path of Object.keys(described.paths).filter((path) => described.paths[path]!.get !== undefined && path.startsWith('/v1/'))) {
    const filled = path.replaceAll('{tenantId}', tenantId).replaceAll('{deviceId}', agent.deviceId)
    if (filled.includes('{')) continue
    await call(path.includes('{tenantId}') ? adminKey : platformKey, 'GET', filled, { label: path })
  }
  await call(adminKey, 'POST', `${device}/reassess`, { label: `${tenant}/devices/{deviceId}/reassess` })
  await call(adminKey, 'POST', `${device}/revoke`, { label: `${tenant}/devices/{deviceId}/revoke` })
  if (erases && turn % 2 === 0) await call(adminKey, 'DELETE', device, { label: `${tenant}/devices/{deviceId}` })
}

export function note (counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}
