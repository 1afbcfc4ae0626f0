import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { deviceHistory } from '../../../devices/device-history.js'
import { eraseDevice } from '../../../devices/erase-device.js'
import { explainDevice } from '../../../devices/explain-device.js'
import { getDevice } from '../../../devices/get-device.js'
import { listDevices } from '../../../devices/list-devices.js'
import { reassessDevice } from '../../../devices/reassess-device.js'
import { replayDevice, type ReplayDeps } from '../../../devices/replay-device.js'
import { type EndDeviceDeps, revokeDevice } from '../../../devices/revoke-device.js'
import { InvalidInputError } from '../../../errors.js'
import { describeDevice } from '../../../operators/describe-device.js'
import type { Producer } from '../../../platform/queue-names.js'
import { DEVICE_STATES } from '../../../risk/level.js'
import { PLATFORMS } from '../../../telemetry/device-state.js'
import { DeviceDetailSchema, DeviceParams, DeviceSchema, Level, nullable, page, PageQuery, TenantParams, Text, Time, Uuid, WayBackSchema } from '../../schemas.js'

export interface DevicesRoutesOptions extends EndDeviceDeps {
  readonly score: Producer<'score'>
  /** Threat intelligence as it is stored now. */
  readonly replay: Omit<ReplayDeps, 'db'>
}

const HistoryItemSchema = Type.Object({
  at: Time,
  from: nullable(Level),
  to: Level,
  findings: Type.Array(Type.Unknown(), { description: 'Those behind the level.' })
})
const HistoryPageSchema = Type.Object({
  ...page(HistoryItemSchema).properties,
  keptFrom: nullable(Type.String({ format: 'date-time', description: 'Of what was before, only what still held then is told; null: all is kept.' }))
}, { title: 'History' })
const ExplanationSchema = Type.Object({
  deviceId: Uuid,
  at: Time,
  level: nullable(Level),
  since: nullable(Time),
  state: Type.String(),
  stale: Type.Boolean(),
  score: nullable(Type.Integer()),
  findings: Type.Array(Type.Object({
    findingId: Uuid,
    detection: Type.String(),
    ruleVersion: Type.Integer(),
    category: Type.String(),
    severity: Type.String(),
    raisesLevel: Type.Boolean(),
    subject: Type.String(),
    title: Type.String(),
    evidence: Type.Array(Type.Object({ path: Type.String(), value: Type.Unknown() })),
    intel: nullable(Type.Object({ feed: Type.String(), feedVersion: nullable(Type.Integer()), type: Type.String(), value: Type.String(), family: Type.String(), threatClass: Type.String() })),
    attack: Type.Array(Type.String()),
    remediation: Type.Object({ user: Type.String(), admin: Type.String() }),
    status: Type.String(),
    suppression: nullable(Type.Object({ id: Uuid, reason: Type.String(), owner: Type.String(), expiresAt: Time })),
    firstSeen: Time,
    since: Time,
    expiresAt: nullable(Time)
  })),
  wayBack: WayBackSchema,
  rests: Type.Object({
    sections: Type.Array(Type.String()),
    unknown: Type.Array(Type.String()),
    policyVersion: nullable(Type.Integer()),
    groups: Type.Array(Type.String()),
    intelVersion: nullable(Type.Integer())
  }, { description: 'What the judgement rested on.' })
}, { title: 'Explanation' })
const DeviceIdSchema = Type.Object({ deviceId: Uuid })

const about = { tags: ['devices'], security: [{ apiKey: [] }] }

/** Phones of a tenant: look, judge again, take away credentials, forget. */
export const devicesRoutes: FastifyPluginAsyncTypebox<DevicesRoutesOptions> = async (app, { replay, ...deps }) => {
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
    schema: { ...about, operationId: 'getDeviceHistory', summary: 'Level changes and the findings behind each', params: DeviceParams, querystring: Type.Object(PageQuery), response: { 200: HistoryPageSchema } }
  }, async ({ params, query }) => await deviceHistory(deps, { ...query, ...params }) as never)

  app.get('/devices/:deviceId/explain', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'explainDevice',
      summary: 'Why a phone is judged as it is, or was at any moment',
      description: 'Level, each finding with its rule\'s version, telemetry path and value, feed entry and the feed\'s version, what must be solved for access to return, and what is unknown. Telemetry need not be there any more. A moment before what is kept (HISTORY_RETENTION_DAYS) answers 410 `history-expired`.',
      params: DeviceParams,
      querystring: Type.Object({ at: Type.Optional(Type.String({ format: 'date-time', description: 'Now by default.' })) }),
      response: { 200: ExplanationSchema }
    }
  }, async ({ params, query }) => await explainDevice(deps, { ...params, at: query.at === undefined ? undefined : momentOf(query.at) }) as never)

  app.get('/devices/:deviceId/replay', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'replayDevice',
      summary: 'Judge a phone\'s kept reports once more and compare',
      description: 'By the rules, policy and intelligence of now, as of the moment of the stored judgement. Nothing is changed.',
      params: DeviceParams,
      response: { 200: Type.Object({ deviceId: Uuid, reports: Type.Integer(), whole: Type.Boolean({ description: 'The journal holds all that the phone ever said.' }), same: Type.Boolean(), stored: Type.String({ description: 'Canonical JSON.' }), replayed: Type.String() }) }
    }
  }, async ({ params }) => await replayDevice({ ...deps, ...replay }, params))

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
  }, async ({ params, operator }, reply) => {
    reply.code(202)
    return await reassessDevice(deps, { ...params, actor: operator.name })
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

/** A leap second is a time, but no Date. @throws InvalidInputError */
function momentOf (text: string): Date {
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw new InvalidInputError([{ path: '/querystring/at', message: 'is no moment' }])
  return at
}
