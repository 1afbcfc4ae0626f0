import type { Health } from '../devices/health.js'

/*
 * UNVERIFIED until tested against Microsoft. The wire format of MTD partners is handed out
 * under confidentiality; what is here was put together from public code of other kinds of
 * partner (docs/decisions/0002-partner-wire-unverified.md). This is the only file that knows
 * addresses, bodies, versions and names of Intune's partner services.
 */

export interface PartnerWireConfig {
  readonly entityType: number
  readonly healthField: string
  /** Values that differ from our own vocabulary, which is Graph's: `{ secured: '0' }`. A number in digits is sent as a number. */
  readonly healthValues?: Readonly<Partial<Record<string, string>>>
  readonly deviceApiVersion: string
  readonly tenantApiVersion: string
  /** iOS App Sync: how apps are asked for, and how the answer is told; DEFAULT_APP_SYNC_WIRE by default. */
  readonly appSync?: AppSyncWire
}

export interface AppSyncWire {
  /** EntityType of "tell me this phone's apps". */
  readonly requestType: number
  /** EntityType of the answer. */
  readonly answerType: number
  /** Field of an answer that holds the apps; their own fields are for the vocabulary `intune-app-sync`, which takes them in any spelling. */
  readonly appsField: string
}

export const DEFAULT_APP_SYNC_WIRE: AppSyncWire = { requestType: 6, answerType: 7, appsField: 'Apps' }

/** What Intune is told about one phone. */
export interface HealthRecord {
  readonly entraDeviceId: string
  readonly entraUserId?: string
  readonly health: Health
  /** Orders the messages about a phone: the receiver keeps the newest. */
  readonly updatedAt: Date
}

export interface WireRequest {
  readonly method: 'GET' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface WireAnswer {
  readonly status: number
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown
}

/** Whether Intune did what it was asked to; it can answer 200 and not have. */
export type WireVerdict = { readonly ok: true } | { readonly ok: false, readonly reason: string }

export interface HeartbeatAnswer {
  /** Intune wants to be sent again what changed since then. */
  readonly resyncSince?: Date
  /** What it has to say about earlier uploads, as it says it. */
  readonly messageErrors: readonly unknown[]
}

/** `unknown`: no message of that id ever arrived. */
export type UploadStatus =
  { readonly state: 'running' | 'completed' | 'unknown' } | { readonly state: 'failed', readonly reason: string, readonly entraDeviceIds: readonly string[] }

/** Names under which the services stand in a tenant's list. */
export const TENANT_SERVICE = 'PartnerTenantDataSyncService'
export const DEVICE_SERVICE = 'PartnerDeviceDataSyncService'

const PROVISIONED = 1
const DEPROVISIONED = 2
const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi
const JSON_HEADERS = { 'content-type': 'application/json' }

/** The scope of an Intune token. The resource ends in a slash and another one follows: that is how it must be. */
export const intuneScope = (resource: string): string => `${resource}/.default`

export function tenantRequest (
  config: PartnerWireConfig, base: string, entraTenantId: string,
  { provisioned, publicUrl }: { readonly provisioned: boolean, readonly publicUrl: string }
): WireRequest {
  return {
    method: 'PUT',
    url: `${base}/PartnerTenants(guid'${entraTenantId}')?api-version=${config.tenantApiVersion}`,
    headers: JSON_HEADERS,
    body: JSON.stringify({
      Provisioned: provisioned ? PROVISIONED : DEPROVISIONED,
      PartnerEnrollmentUrl: overHttps(publicUrl),
      PartnerRemediationUrl: overHttps(publicUrl)
    })
  }
}

/** Success is the wanted state echoed and no error told; a 200 alone is not. */
export function readTenantAnswer ({ status, body }: WireAnswer, wanted: { readonly provisioned: boolean }): WireVerdict {
  const told = toldError(body)
  if (told !== undefined) return { ok: false, reason: told }
  const echoed = fieldOf(body, 'Provisioned')
  if (echoed === (wanted.provisioned ? PROVISIONED : DEPROVISIONED)) return { ok: true }
  return { ok: false, reason: echoed === undefined ? `the answer ${status} does not say what state the tenant is in` : `the tenant's state is ${String(echoed)} afterwards` }
}

export function heartbeatRequest (config: PartnerWireConfig, base: string, entraTenantId: string, at: Date): WireRequest {
  return {
    method: 'PUT',
    url: `${base}/PartnerTenantHeartbeat(guid'${entraTenantId}')?api-version=${config.tenantApiVersion}`,
    headers: { ...JSON_HEADERS, prefer: 'return-content' },
    body: JSON.stringify({ Timestamp: at.toISOString() })
  }
}

export function readHeartbeatAnswer (answer: WireAnswer): WireVerdict & HeartbeatAnswer {
  const { body } = answer
  const resync = fieldOf(body, 'ResyncTimestamp')
  const resyncSince = typeof resync === 'string' ? new Date(resync) : undefined
  const errors = fieldOf(body, 'MessageErrors')
  const reason = nothingHappened(answer) ? 'the heartbeat was ignored' : toldError(body)
  return {
    ...(reason === undefined ? { ok: true } : { ok: false, reason }),
    // Services of this family write "none" as the first moment of their calendar.
    ...(resyncSince !== undefined && resyncSince.getTime() > 0 ? { resyncSince } : {}),
    messageErrors: Array.isArray(errors) ? errors : []
  }
}

/** `messageId` makes the message one: sent again, it counts once. */
export function uploadRequest (
  config: PartnerWireConfig, base: string, entraTenantId: string,
  { messageId, records, at }: { readonly messageId: string, readonly records: readonly HealthRecord[], readonly at: Date }
): WireRequest {
  const content = records.map(({ entraDeviceId, entraUserId, health, updatedAt }) => ({
    EntityType: config.entityType,
    TenantId: entraTenantId,
    DeviceId: entraDeviceId,
    ...(entraUserId === undefined ? {} : { UserId: entraUserId }),
    LastUpdateTime: updatedAt.toISOString(),
    [config.healthField]: healthValue(config, health)
  }))
  return {
    method: 'PUT',
    url: messageUrl(config, base, messageId),
    headers: JSON_HEADERS,
    // The content is JSON inside a string.
    body: JSON.stringify({ TenantId: entraTenantId, UploadTime: at.toISOString(), Content: JSON.stringify(content) })
  }
}

/** False: Intune answered, but took nothing, which is how it treats a tenant that is not provisioned. */
export function isUploadTaken (answer: WireAnswer): boolean {
  return !nothingHappened(answer)
}

export function statusRequest (config: PartnerWireConfig, base: string, messageId: string): WireRequest {
  return { method: 'GET', url: messageUrl(config, base, messageId), headers: {} }
}

/** Completed and Failed are the known ends; anything else is still on its way. */
export function readUploadStatus ({ body }: WireAnswer): UploadStatus {
  const status = fieldOf(body, 'Status')
  if (status === 'Completed') return { state: 'completed' }
  if (status === 'Failed') {
    const reason = toldError(body) ?? 'no reason given'
    return { state: 'failed', reason, entraDeviceIds: [...new Set(reason.toLowerCase().match(GUID) ?? [])] }
  }
  return { state: 'running' }
}

/** Asks for the apps of phones. The answer is under the message's id, once it is worked off. */
export function appSyncRequest (
  config: PartnerWireConfig, base: string, entraTenantId: string,
  { messageId, entraDeviceIds, at }: { readonly messageId: string, readonly entraDeviceIds: readonly string[], readonly at: Date }
): WireRequest {
  const { requestType } = config.appSync ?? DEFAULT_APP_SYNC_WIRE
  const content = entraDeviceIds.map((entraDeviceId) => ({ EntityType: requestType, TenantId: entraTenantId, DeviceId: entraDeviceId, LastUpdateTime: at.toISOString() }))
  return {
    method: 'PUT',
    url: messageUrl(config, base, messageId),
    headers: JSON_HEADERS,
    body: JSON.stringify({ TenantId: entraTenantId, UploadTime: at.toISOString(), Content: JSON.stringify(content) })
  }
}

export function appSyncAnswerRequest (config: PartnerWireConfig, base: string, messageId: string): WireRequest {
  return { method: 'GET', url: `${base}/DataDownloadMessages(guid'${messageId}')?api-version=${config.deviceApiVersion}`, headers: {} }
}

/** One phone's apps as Intune passes them on. */
export interface PhoneApps {
  readonly entraDeviceId: string
  /** The check-in that the list is of; undefined: there was none yet. */
  readonly checkedInAt: string | undefined
  readonly apps: readonly unknown[]
}

/** `none`: there is no answer to this message. */
export type AppSyncAnswer = { readonly state: 'running' | 'none' } | { readonly state: 'answered', readonly phones: readonly PhoneApps[] }

export function readAppSyncAnswer (config: PartnerWireConfig, answer: WireAnswer): AppSyncAnswer {
  if (nothingHappened(answer)) return { state: 'none' }
  if (fieldOf(answer.body, 'Status') !== 'Completed') return { state: 'running' }
  const { answerType, appsField } = config.appSync ?? DEFAULT_APP_SYNC_WIRE
  const content = fieldOf(answer.body, 'Content')
  let entities: unknown = content
  try {
    if (typeof content === 'string') entities = JSON.parse(content)
  } catch {
    return { state: 'none' }
  }
  const phones = (Array.isArray(entities) ? entities as unknown[] : []).flatMap((entity) => {
    const entraDeviceId = fieldOf(entity, 'DeviceId')
    const checkedInAt = fieldOf(entity, 'LastUpdateTime')
    const apps = fieldOf(entity, appsField)
    if (fieldOf(entity, 'EntityType') !== answerType || typeof entraDeviceId !== 'string' || !Array.isArray(apps)) return []
    return [{ entraDeviceId: entraDeviceId.toLowerCase(), checkedInAt: typeof checkedInAt === 'string' ? checkedInAt : undefined, apps: apps as unknown[] }]
  })
  return { state: 'answered', phones }
}

/** The error that an answer tells, whatever its HTTP status. */
export function toldError (body: unknown): string | undefined {
  const detail = fieldOf(body, 'ErrorDetail')
  const code = fieldOf(body, 'ErrorCode')
  const status = fieldOf(body, 'HttpStatusCode')
  const text = typeof detail === 'string' ? detail.trim() : detail === null || detail === undefined ? '' : JSON.stringify(detail)
  const hasCode = code !== undefined && code !== null && code !== 0 && code !== '' && code !== '0'
  if (text !== '') return hasCode ? `${text} (${String(code)})` : text
  if (hasCode) return `error code ${String(code)}`
  return typeof status === 'number' && status >= 400 ? `HttpStatusCode ${status}` : undefined
}

// Users are sent there from Microsoft's pages. An address without TLS is that of a trial installation.
const overHttps = (url: string): string => url.replace(/^http:/, 'https:')

function healthValue (config: PartnerWireConfig, health: Health): string | number {
  const value = config.healthValues?.[health] ?? health
  return /^\d+$/.test(value) ? Number(value) : value
}

const messageUrl = (config: PartnerWireConfig, base: string, messageId: string): string =>
  `${base}/DataUploadMessages(guid'${messageId}')?api-version=${config.deviceApiVersion}`

const nothingHappened = ({ status, body }: WireAnswer): boolean => status === 204 || body === undefined

const fieldOf = (body: unknown, key: string): unknown => (body as Record<string, unknown> | null | undefined)?.[key]
