import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { deviceHistory } from '../../../devices/device-history.js'
import { eraseDevice } from '../../../devices/erase-device.js'
import { getDevice } from '../../../devices/get-device.js'
import { listDevices } from '../../../devices/list-devices.js'
import { reassessDevice } from '../../../devices/reassess-device.js'
import { type EndDeviceDeps, revokeDevice } from '../../../devices/revoke-device.js'
import { describeDevice } from '../../../operators/describe-device.js'
import type { Producer } from '../../../platform/queue-names.js'
import { DEVICE_STATES } from '../../../risk/level.js'
import { PLATFORMS } from '../../../telemetry/device-state.js'
import { DeviceDetailSchema, DeviceParams, DeviceSchema, Level, nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../../schemas.js'

export interface DevicesRoutesOptions extends EndDeviceDeps {
  readonly score: Producer<'score'>
}

const HistoryItemSchema = Type.Object({
  at: Time,
  from: nullable(Level),
  to: Level,
  findings: Type.Array(Type.Unknown(), { description: 'Those behind the level.' })
})
const DeviceIdSchema = Type.Object({ deviceId: Uuid })

const about = { tags: ['devices'], security: [{ apiKey: [] }] }

/** Phones of a tenant: look, judge again, take away credentials, forget. */
export const devicesRoutes: FastifyPluginAsyncTypebox<DevicesRoutesOptions> = async (app, deps) => {
  app.get('/devices', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listDevices',
      summary: 'List phones',
      params: TenantParams,
      querystring: Type.Object({
        ...PageQuery,
        level: Type.Optional(Level),
        state: Type.Optional(Type.Enum([...DEVICE_STATES])),
        platform: Type.Optional(Type.Enum([...PLATFORMS])),
        detection: Type.Optional(Text({ maxLength: 64 })),
        q: Type.Optional(Text({ maxLength: 128, description: 'Part of a model, manufacturer or serial number, or an id.' })),
        app: Type.Optional(Text({ maxLength: 2048, description: 'Has this app: package name or bundle id.' })),
        appVersion: Type.Optional(Text({ maxLength: 2048, description: 'Has `app` in this version.' })),
        signer: Type.Optional(Text({ maxLength: 128, description: 'Has an app, with `app` that app, signed with this certificate: SHA-256, SHA-1 or MD5 fingerprint in hex, colons or not.' })),
        osVersion: Type.Optional(Text({ maxLength: 100, description: 'Last reported this version of its OS; until its first report, enrolled with it.' }))
      }),
      response: { 200: page(DeviceSchema) }
    }
  }, async ({ params, query }) => await listDevices(deps, { ...query, ...params }) as never)

  app.get('/devices/:deviceId', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'getDevice', summary: 'One phone: level, reasons, findings, what Intune holds', params: DeviceParams, response: { 200: DeviceDetailSchema } }
  }, async ({ params }) => await getDevice(deps, params) as never)

  app.get('/devices/:deviceId/history', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'getDeviceHistory', summary: 'Level changes and the findings behind each', params: DeviceParams, querystring: Type.Object(PageQuery), response: { 200: page(HistoryItemSchema) } }
  }, async ({ params, query }) => await deviceHistory(deps, { ...query, ...params }) as never)

  app.patch('/devices/:deviceId', {
    config: { permission: 'device:describe' },
    schema: {
      ...about,
      operationId: 'describeDevice',
      summary: 'Say what the organisation knows of a phone',
      description: 'Groups of the policy go by it. What is left out stays as it is.',
      params: DeviceParams,
      body: Type.Object({
        ownership: Type.Optional(nullable(Type.Enum(['corporate', 'personal']))),
        tags: Type.Optional(Type.Array(Text({ minLength: 1, maxLength: 100 }), { maxItems: 100 })),
        entraGroups: Type.Optional(Type.Array(Text({ minLength: 1, maxLength: 256 }), { maxItems: 1_000, description: 'Entra groups of the phone or its user: object ids or names.' }))
      }, { additionalProperties: false }),
      response: { 200: DeviceIdSchema }
    }
  }, async ({ params, body, operator }) => await describeDevice(deps, { ...body, ...params, actor: operator.name }))

  app.post('/devices/:deviceId/reassess', {
    config: { permission: 'device:reassess' },
    schema: { ...about, operationId: 'reassessDevice', summary: 'Judge a phone anew from what is stored', params: DeviceParams, response: { 202: DeviceIdSchema } }
  }, async ({ params }, reply) => {
    reply.code(202)
    return await reassessDevice(deps, params)
  })

  app.post('/devices/:deviceId/revoke', {
    config: { permission: 'device:revoke' },
    schema: { ...about, operationId: 'revokeDevice', summary: 'Take a phone\'s credentials away', params: DeviceParams, response: { 200: DeviceIdSchema } }
  }, async ({ params, operator }) => await revokeDevice(deps, { ...params, actor: operator.name }))

  app.delete('/devices/:deviceId', {
    config: { permission: 'device:erase' },
    schema: { ...about, operationId: 'eraseDevice', summary: 'Forget a phone; only the audit remains', params: DeviceParams, response: { 200: DeviceIdSchema } }
  }, async ({ params, operator }) => await eraseDevice(deps, { ...params, actor: operator.name }))
}
