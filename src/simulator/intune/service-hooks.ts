import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultSpec } from './control-schemas.js'
import { entraErrorBody, EntraError } from './entra-errors.js'
import type { FaultSet, FaultTarget } from './faults.js'
import { graphErrorBody } from './graph-errors.js'
import { isBatched } from './odata.js'
import { partnerErrorBody } from './partner-errors.js'
import type { RequestLog, RequestRecord } from './request-log.js'
import './caller.js'

type Service = FaultTarget['service']
const TRANSPORT = ['timeout', 'reset', 'status'] as const
type StatusFault = Extract<FaultSpec, { kind: 'status' }>
type TransportFault = Extract<FaultSpec, { kind: (typeof TRANSPORT)[number] }>

/** Logs every request of one service and lets injected faults happen to it. */
export function addServiceHooks (app: FastifyInstance, service: Service, { faults, log }: { faults: FaultSet, log: RequestLog }): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('record', null)
  // Every request gets its own in the hook below; this is only the slot.
  app.decorateRequest('takeFault', () => undefined)

  app.addHook('onRequest', async (request, reply) => {
    const record = log.open({ service, method: request.method, url: request.url, clientRequestId: headerOf(request, 'client-request-id') ?? null })
    const target = targetOf(service, request)
    request.record = record
    request.takeFault = (kind) => {
      const fault = faults.take([kind], target)
      if (fault !== undefined) record.faults.push(kind)
      return fault
    }
    const skew = service === 'entra' ? undefined : request.takeFault('clock-skew')
    if (skew !== undefined) reply.header('date', new Date(Date.now() + skew.skewSeconds * 1000).toUTCString())
    const latency = request.takeFault('latency')
    if (latency !== undefined) await delay(latency.delayMs, undefined, { ref: false })
    const fault = faults.take(TRANSPORT, target, 'before')
    if (fault !== undefined) return await happen(fault, service, request, reply, record)
  })

  app.addHook('preHandler', async (request) => {
    // Entra is sent secrets.
    if (log.recordsBodies && service !== 'entra' && request.record !== null && request.body !== undefined) log.addBody(request.record, request.body)
  })

  // After the work is done but before the caller learns of it: the case that makes idempotency necessary.
  app.addHook('onSend', async (request, reply, payload) => {
    const record = request.record
    if (record === null || record.faults.some((kind) => (TRANSPORT as readonly string[]).includes(kind))) return payload
    const fault = faults.take(TRANSPORT, targetOf(service, request), 'after')
    if (fault === undefined) return payload
    const status = fault.kind === 'status' ? fault : isBatched(request) ? statusInBatch(fault.kind) : undefined
    if (status !== undefined) {
      record.faults.push(fault.kind)
      setStatus(status, reply)
      return JSON.stringify(bodyOf(status, service, request))
    }
    await happen(fault, service, request, reply, record)
    // Never resolves: the reply is out of Fastify's hands.
    return await new Promise<never>(() => {})
  })

  app.addHook('onResponse', async (request, reply) => {
    const record = request.record
    if (record === null) return
    record.status = reply.statusCode
    record.durationMs = Math.round(reply.elapsedTime * 1000) / 1000
    record.tenantId = request.caller?.tenantId ?? record.tenantId
    record.clientId = request.caller?.clientId ?? record.clientId
  })
}

async function happen (fault: TransportFault, service: Service, request: FastifyRequest, reply: FastifyReply, record: RequestRecord): Promise<unknown> {
  record.faults.push(fault.kind)
  record.tenantId = request.caller?.tenantId ?? targetOf(service, request).tenantId
  const status = fault.kind === 'status' ? fault : isBatched(request) ? statusInBatch(fault.kind) : undefined
  if (status !== undefined) {
    setStatus(status, reply)
    return await reply.send(bodyOf(status, service, request))
  }
  reply.hijack()
  // A timeout keeps the connection open and silent until the caller gives up.
  if (fault.kind === 'reset') request.raw.socket.destroy()
  return reply
}

/** A part of a batch has no connection of its own that could break. */
const statusInBatch = (kind: 'timeout' | 'reset'): StatusFault => ({ kind: 'status', status: kind === 'timeout' ? 504 : 502 })

function setStatus (fault: StatusFault, reply: FastifyReply): void {
  reply.code(fault.status).header('content-type', 'application/json; charset=utf-8').removeHeader('content-length')
  if (fault.retryAfter !== undefined) reply.header('retry-after', String(fault.retryAfter))
}

function bodyOf (fault: StatusFault, service: Service, request: FastifyRequest): unknown {
  if (fault.body !== undefined) return fault.body
  const text = `Injected status ${fault.status}.`
  const clientRequestId = headerOf(request, 'client-request-id')
  if (service === 'graph') return graphErrorBody(GRAPH_CODES[fault.status] ?? 'UnknownError', text, clientRequestId)
  if (service === 'partner') return partnerErrorBody(fault.status, text)
  return entraErrorBody(new EntraError(fault.status, 'temporarily_unavailable', 90033, text), clientRequestId)
}

const GRAPH_CODES: Readonly<Record<number, string>> = {
  401: 'InvalidAuthenticationToken', 403: 'Forbidden', 404: 'ResourceNotFound', 429: 'TooManyRequests', 500: 'InternalServerError', 502: 'BadGateway', 503: 'ServiceUnavailable', 504: 'GatewayTimeout'
}

function targetOf (service: Service, request: FastifyRequest): FaultTarget {
  return {
    service,
    method: request.method,
    get path () { return decode(request.url.split('?', 1)[0]!) },
    // Entra has the tenant in its path; elsewhere only the token tells, here before it is checked.
    get tenantId () { return service === 'entra' ? request.url.split('/', 2)[1]!.toLowerCase() : tenantOfToken(request) }
  }
}

function decode (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function tenantOfToken (request: FastifyRequest): string | null {
  const payload = request.headers.authorization?.split('.')[1]
  if (payload === undefined) return null
  try {
    return String(JSON.parse(Buffer.from(payload, 'base64url').toString()).tid)
  } catch {
    return null
  }
}

export function headerOf (request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
