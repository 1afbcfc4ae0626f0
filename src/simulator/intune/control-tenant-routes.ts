import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isoTime } from './clock.js'
import { presentConnector } from './connector.js'
import { DeviceListQuery, DeviceListSchema, DeviceParams, DeviceSeedSchema, DeviceWaitQuery, TenantParams, TenantSeedSchema, TenantWaitQuery } from './control-schemas.js'
import { findDevice, findTenant } from './control-scope.js'
import { receivedBy } from './mobile-app.js'
import { removeDevice, upsertDevice } from './seed-device.js'
import { applyTenantSeed, newTenant, type TenantDefaults } from './seed-tenant.js'
import type { Tenant, ThreatUpdate } from './tenant.js'
import { type TenantStore, waitUntil } from './tenant-store.js'

export interface TenantControlOptions {
  readonly store: TenantStore
  readonly defaults: TenantDefaults
}

/** 100,000 devices in one call. */
const BULK_LIMIT_BYTES = 256 * 1024 * 1024
const DEFAULT_WAIT_MS = 10_000
const DEFAULT_PAGE = 1000
const MAX_PAGE = 10_000

/** `/_sim/tenants`: set up what Microsoft knows, and look at what became of it. */
export const tenantControlRoutes: FastifyPluginAsyncTypebox<TenantControlOptions> = async (app, { store, defaults }) => {
  const presentTenant = (tenant: Tenant): unknown => {
    const connector = tenant.connectors.get(tenant.connectorId)
    return {
      tenantId: tenant.id,
      displayName: tenant.displayName,
      clients: [...tenant.clients.keys()],
      connector: connector === undefined
        ? null
        : {
            ...presentConnector(connector, store.connectorStateOf(tenant), 'beta'),
            provisioning: connector.provisioning,
            partnerEnrollmentUrl: connector.enrollmentUrl,
            partnerRemediationUrl: connector.remediationUrl
          },
      devices: { total: tenant.devices.size, byThreatState: Object.fromEntries([...tenant.threatCounts].filter(([, count]) => count > 0)) },
      messages: tenant.messageCounts
    }
  }

  app.put('/tenants/:tenantId', { schema: { params: TenantParams, body: TenantSeedSchema } }, async (request, reply) => {
    const existing = store.find(request.params.tenantId)
    const tenant = existing ?? newTenant(request.params.tenantId, defaults, store.clock.now())
    applyTenantSeed(tenant, request.body, store.clock.now())
    if (existing === undefined) store.add(tenant)
    store.reevaluate(tenant)
    reply.code(existing === undefined ? 201 : 200)
    return presentTenant(tenant)
  })

  app.get('/tenants/:tenantId', { schema: { params: TenantParams } }, async (request) => presentTenant(findTenant(store, request.params.tenantId)))

  app.get('/tenants/:tenantId/wait', { schema: { params: TenantParams, querystring: TenantWaitQuery } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    const { threatState, count, timeoutMs } = request.query
    const reached = await waitUntil(tenant.waiters, () => (tenant.threatCounts.get(threatState) ?? 0) >= Number(count), Number(timeoutMs ?? DEFAULT_WAIT_MS), goneSignal(reply))
    if (!reached) reply.code(408)
    return presentTenant(tenant)
  })

  app.put('/tenants/:tenantId/devices', { bodyLimit: BULK_LIMIT_BYTES, schema: { params: TenantParams, body: DeviceListSchema } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    for (const { entraDeviceId, ...seed } of request.body) upsertDevice(tenant, entraDeviceId, seed, store.clock.now())
    return { devices: request.body.length, total: tenant.devices.size }
  })

  app.get('/tenants/:tenantId/devices', { schema: { params: TenantParams, querystring: DeviceListQuery } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    const start = Number(request.query.cursor ?? 0)
    const end = start + Math.min(Number(request.query.limit ?? DEFAULT_PAGE), MAX_PAGE)
    const items = [...tenant.devices.values()].slice(start, end).map((device) => ({
      entraDeviceId: device.entraDeviceId, ...store.view(tenant, device), lastUpdateTime: device.history.at(-1)?.lastUpdateTime ?? null
    }))
    return { items, nextCursor: end < tenant.devices.size ? String(end) : null }
  })

  app.put('/tenants/:tenantId/devices/:deviceId', { schema: { params: DeviceParams, body: DeviceSeedSchema } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    const known = tenant.devices.has(request.params.deviceId.toLowerCase())
    const device = upsertDevice(tenant, request.params.deviceId, request.body, store.clock.now())
    reply.code(known ? 200 : 201)
    return { entraDeviceId: device.entraDeviceId, intuneDeviceId: device.intuneDeviceId, ...store.view(tenant, device) }
  })

  app.get('/tenants/:tenantId/devices/:deviceId', { schema: { params: DeviceParams } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    return store.view(tenant, findDevice(tenant, request.params.deviceId))
  })

  app.delete('/tenants/:tenantId/devices/:deviceId', { schema: { params: DeviceParams } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    removeDevice(tenant, findDevice(tenant, request.params.deviceId).entraDeviceId)
    return await reply.code(204).send()
  })

  app.get('/tenants/:tenantId/devices/:deviceId/apps', { schema: { params: DeviceParams } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    return { items: receivedBy(tenant, findDevice(tenant, request.params.deviceId)) }
  })

  app.post('/tenants/:tenantId/devices/:deviceId/check-in', { schema: { params: DeviceParams } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    const device = findDevice(tenant, request.params.deviceId)
    store.checkIn(tenant, device)
    return store.view(tenant, device)
  })

  app.get('/tenants/:tenantId/devices/:deviceId/history', { schema: { params: DeviceParams } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    const device = findDevice(tenant, request.params.deviceId)
    return { items: device.history.map(presentUpdate), staleUpdates: device.staleUpdates, compliance: store.evaluate(tenant, device).policies }
  })

  app.get('/tenants/:tenantId/devices/:deviceId/wait', { schema: { params: DeviceParams, querystring: DeviceWaitQuery } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    const device = findDevice(tenant, request.params.deviceId)
    const { threatState, complianceState, timeoutMs } = request.query
    const waiters = device.waiters ??= new Set()
    const reached = await waitUntil(waiters, () => {
      if (threatState !== undefined && device.threatState !== threatState) return false
      return complianceState === undefined || store.evaluate(tenant, device).state === complianceState
    }, Number(timeoutMs ?? DEFAULT_WAIT_MS), goneSignal(reply))
    // Another call may be waiting on the same set.
    if (waiters.size === 0 && device.waiters === waiters) device.waiters = undefined
    if (!reached) reply.code(408)
    const lastUpdate = device.history.at(-1)
    return { ...store.view(tenant, device), lastUpdate: lastUpdate === undefined ? null : presentUpdate(lastUpdate) }
  })
}

const presentUpdate = (update: ThreatUpdate): Record<string, unknown> => ({
  ...update, receivedAt: isoTime(update.receivedAtMs), appliedAt: isoTime(update.appliedAtMs)
})

/** Aborted when the caller hangs up. */
function goneSignal (reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}
