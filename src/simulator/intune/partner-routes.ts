import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { answerAppSync } from './app-sync.js'
import type { BearerChecker } from './bearer.js'
import { preciseNow } from './clock.js'
import { blocksMessages, type Connector, newConnector } from './connector.js'
import { originOf } from './odata.js'
import { createEntityParser, EntityError, type PartnerEntityOptions } from './partner-entity.js'
import { PartnerError, partnerErrorBody } from './partner-errors.js'
import type { MessageProcessor, PartnerMessage } from './partner-messages.js'
import { DEVICE_SERVICE, TENANT_SERVICE } from './partner-paths.js'
import type { Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import type { Throttles } from './throttles.js'
import { GUID, parseUtcTime, UPDATE_DEVICE_HEALTH } from './vocabulary.js'

export interface PartnerRoutesOptions {
  readonly store: TenantStore
  readonly bearer: BearerChecker
  readonly messages: MessageProcessor
  readonly throttles: Throttles
}

const TENANT_API_VERSIONS = ['1.3', '1.4', '1.6']
const DEVICE_API_VERSIONS = ['1.1', '1.2']
const NULL_GUID = '00000000-0000-0000-0000-000000000000'
const PROVISION = 1
const DEPROVISION = 2
const NOT_FINISHED = 'The tenant has not completed the setup of this partner.'

type Handler = (request: FastifyRequest, reply: FastifyReply, key: string) => Promise<unknown>

/** The partner data sync services: tenant (provision, heartbeat) and device messages. */
export const partnerRoutes: FastifyPluginAsync<PartnerRoutesOptions> = async (app, { store, bearer, messages, throttles }) => {
  app.addHook('onRequest', async (request, reply) => {
    const caller = await bearer.check(request, 'intune')
    if (typeof caller === 'string') {
      reply.header('www-authenticate', 'Bearer')
      throw new PartnerError(401, `The access token is ${caller === 'refused-once' ? 'not valid yet' : caller}.`)
    }
    if (!caller.token.roles.includes(UPDATE_DEVICE_HEALTH)) throw new PartnerError(403, `The application lacks the role ${UPDATE_DEVICE_HEALTH}.`)
    const { tenantId, clientId } = caller.token
    const refusal = throttles.take({ service: 'partner', writes: request.method !== 'GET', tenantId, clientId })
    if (refusal !== undefined) {
      if (refusal.retryAfterSeconds !== undefined) reply.header('retry-after', String(refusal.retryAfterSeconds))
      throw new PartnerError(429, 'Too many requests.')
    }
    request.tenant = caller.tenant
    const { unit = '0' } = request.params as { unit?: string }
    if (Number(unit) !== caller.tenant.moves) {
      const answer = caller.tenant.oldAddressAnswers
      if (answer !== 'reset') throw new PartnerError(Number(answer), 'This scale unit does not serve the tenant.')
      reply.hijack()
      request.raw.socket.destroy()
    }
  })

  app.setErrorHandler<Error & { statusCode?: number }>(async (error, _request, reply) => {
    const status = error instanceof EntityError ? 400 : error.statusCode ?? 500
    reply.code(status)
    return partnerErrorBody(status, error.message)
  })
  app.setNotFoundHandler(async (request, reply) => {
    reply.code(404)
    return partnerErrorBody(404, `No resource at ${request.url.split('?')[0]!}.`)
  })

  /** OData keys such as PartnerTenants(guid'…') do not fit a route parameter, so one wildcard serves each service. */
  function serve (method: 'GET' | 'PUT', service: string, apiVersions: readonly string[], handlers: Readonly<Record<string, Handler>>): void {
    app.route<{ Params: { '*': string }, Querystring: Record<string, unknown> }>({
      method,
      url: `/${service}/*`,
      handler: async (request, reply) => {
        const match = /^(\w+)\(guid'([^']*)'\)$/.exec(request.params['*'])
        const handler = match !== null && Object.hasOwn(handlers, match[1]!) ? handlers[match[1]!] : undefined
        if (match === null || handler === undefined) throw new PartnerError(404, `No resource at ${request.params['*']}.`)
        const version = request.query['api-version']
        if (typeof version !== 'string' || !apiVersions.includes(version)) {
          throw new PartnerError(400, `The query parameter api-version is missing or not supported: ${String(version)}.`)
        }
        const key = match[2]!.toLowerCase()
        if (!GUID.test(key)) throw new PartnerError(400, `'${match[2]!}' is not a GUID.`)
        return await handler(request, reply, key)
      }
    })
  }

  const ownConnector = (tenant: Tenant): Connector => {
    let connector = tenant.connectors.get(tenant.connectorId)
    // An administrator may have deleted it; the partner's next provisioning brings it back.
    if (connector === undefined) tenant.connectors.set(tenant.connectorId, connector = newConnector(tenant.connectorId))
    return connector
  }

  serve('PUT', TENANT_SERVICE, TENANT_API_VERSIONS, {
    PartnerTenants: async (request, _reply, key) => {
      const { tenant } = request
      requireTenant(tenant, key)
      const body = readBody(request, { Provisioned: true, PartnerEnrollmentUrl: false, PartnerRemediationUrl: false })
      const { Provisioned: wanted, PartnerEnrollmentUrl: enrollmentUrl, PartnerRemediationUrl: remediationUrl } = body
      if (wanted !== PROVISION && wanted !== DEPROVISION) throw new PartnerError(400, 'Provisioned must be 1 or 2.')
      for (const [name, url] of Object.entries({ PartnerEnrollmentUrl: enrollmentUrl, PartnerRemediationUrl: remediationUrl })) {
        if (url === undefined ? wanted === PROVISION : typeof url !== 'string' || !isHttpsUrl(url)) throw new PartnerError(400, `${name} must be an https URL.`)
      }
      const answer = (provisioned: number, detail: string): unknown => ({ Key: randomUUID(), ContextId: tenant.id, Provisioned: provisioned, HttpStatusCode: 200, ErrorDetail: detail })
      const lie = request.takeFault('provision-200-failed')
      if (lie !== undefined) return answer(0, lie.errorDetail ?? NOT_FINISHED)

      const connector = ownConnector(tenant)
      if (wanted === DEPROVISION) {
        connector.provisioning = 'deprovisioned'
        store.forgetPartnerData(tenant)
        return answer(DEPROVISION, '')
      }
      if (!tenant.setupComplete) {
        connector.provisioning = 'incomplete'
        store.reevaluate(tenant)
        return answer(0, NOT_FINISHED)
      }
      Object.assign(connector, { provisioning: 'provisioned', enrollmentUrl, remediationUrl, lastHeartbeatAtMs: store.clock.now() })
      store.reevaluate(tenant)
      return answer(PROVISION, '')
    },

    PartnerTenantHeartbeat: async (request, reply, key) => {
      const { tenant } = request
      requireTenant(tenant, key)
      const { Timestamp: timestamp } = readBody(request, { Timestamp: true })
      if (parseUtcTime(timestamp) === undefined) throw new PartnerError(400, 'Timestamp is not an ISO 8601 time in UTC.')
      if (blocksMessages(store.connectorStateOf(tenant))) return await doNothing(request, reply)
      // The time of arrival counts, not what the partner says it is.
      ownConnector(tenant).lastHeartbeatAtMs = store.clock.now()
      store.reevaluate(tenant)
      const asked = request.takeFault('heartbeat-answer')
      // OData answers an update with its content only when asked to.
      if (!/\breturn-content\b/.test(String(request.headers.prefer ?? ''))) return await reply.code(204).send()
      return {
        Key: randomUUID(),
        TenantId: tenant.id,
        ClientType: 'MobileThreatDefense',
        Timestamp: timestamp,
        ResyncTimestamp: asked?.resyncTimestamp ?? null,
        HttpStatusCode: 200,
        ErrorDetail: asked?.errorDetail ?? '',
        MessageErrors: asked?.messageErrors ?? []
      }
    }
  })

  const parsers = new WeakMap<PartnerEntityOptions, ReturnType<typeof createEntityParser>>()
  const parserOf = (options: PartnerEntityOptions): ReturnType<typeof createEntityParser> => {
    let parser = parsers.get(options)
    if (parser === undefined) parsers.set(options, parser = createEntityParser(options))
    return parser
  }

  serve('PUT', DEVICE_SERVICE, DEVICE_API_VERSIONS, {
    DataUploadMessages: async (request, reply, messageId) => {
      const receivedAtMs = preciseNow()
      const { tenant } = request
      const { TenantId: tenantId, UploadTime: uploadTime, Content: content } = readBody(request, { TenantId: true, UploadTime: true, Content: true })
      if (typeof tenantId !== 'string' || tenantId.toLowerCase() !== tenant.id) throw new PartnerError(403, 'TenantId is not the tenant the access token is for.')
      if (parseUtcTime(uploadTime) === undefined) throw new PartnerError(400, 'UploadTime is not an ISO 8601 time in UTC.')
      if (typeof content !== 'string') throw new PartnerError(400, 'Content must be a string that holds a JSON array.')
      if (messageId === NULL_GUID) throw new PartnerError(400, 'The message id must not be the empty GUID.')
      if (blocksMessages(store.connectorStateOf(tenant))) return await doNothing(request, reply)

      const failed = request.takeFault('message-failed')
      const delayed = request.takeFault('message-delayed')
      const message = messages.accept(tenant, messageId, content, () => parserOf(tenant.entity)(content, tenant.id), receivedAtMs, {
        ...(failed === undefined ? {} : { failWith: failed.errorDetail ?? 'The message could not be processed.' }),
        ...(delayed === undefined ? {} : { extraDelayMs: delayed.delayMs }),
        lose: request.takeFault('message-lost') !== undefined,
        loseDevice: request.takeFault('device-lost') !== undefined
      })
      if (message === 'conflict') throw new PartnerError(409, `Message ${messageId} was sent before with another content.`)
      if (request.record !== null) request.record.devices = message.devices
      return { TenantId: tenant.id, MessageId: messageId, ErrorCode: 0, ErrorDetail: '' }
    }
  })

  serve('GET', DEVICE_SERVICE, DEVICE_API_VERSIONS, {
    DataDownloadMessages: async (request, reply, messageId) => {
      const { tenant } = request
      if (blocksMessages(store.connectorStateOf(tenant))) return await doNothing(request, reply)
      const message = tenant.messages.get(messageId)
      if (message?.appSync === undefined) throw new PartnerError(404, `There is no answer to a message ${messageId}.`)
      if (message.status === 'Processing') return { ...presentMessage(tenant, message), Content: null }
      return {
        TenantId: tenant.id, MessageId: messageId, Status: 'Completed', ErrorCode: 0, ErrorDetail: '', Content: JSON.stringify(answerAppSync(tenant, message.appSync, store.clock.now()))
      }
    },

    DataUploadMessages: async ({ tenant }, _reply, messageId) => {
      const message = tenant.messages.get(messageId)
      if (message === undefined) throw new PartnerError(404, `Message ${messageId} is not known.`)
      return presentMessage(tenant, message)
    }
  })
}

/** What a tenant that is not set up gets: success with nothing behind it, as a compliance partner reported. */
async function doNothing (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const collection = request.url.replace(/\(.*$/, '')
  return await reply.code(204).header('location', `${originOf(request)}${collection}(guid'${NULL_GUID}')`).send()
}

const presentMessage = (tenant: Tenant, { messageId, status, errorCode, errorDetail }: PartnerMessage): Record<string, unknown> =>
  ({ TenantId: tenant.id, MessageId: messageId, Status: status, ErrorCode: errorCode, ErrorDetail: errorDetail })

function requireTenant (tenant: Tenant, key: string): void {
  if (key !== tenant.id) throw new PartnerError(403, `The access token is not for tenant ${key}.`)
}

/** The body, whose keys must be exactly these (true: required). @throws PartnerError */
function readBody (request: FastifyRequest, keys: Readonly<Record<string, boolean>>): Record<string, unknown> {
  const { body } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new PartnerError(400, 'The body must be a JSON object.')
  for (const name of Object.keys(body)) if (!Object.hasOwn(keys, name)) throw new PartnerError(400, `Unknown property '${name}'.`)
  for (const [name, required] of Object.entries(keys)) if (required && !Object.hasOwn(body, name)) throw new PartnerError(400, `Required property '${name}' is missing.`)
  return body as Record<string, unknown>
}

const isHttpsUrl = (text: string): boolean => URL.canParse(text) && new URL(text).protocol === 'https:'
