import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { MAX_PAGE_SIZE } from '../../../devices/cursor.js'
import { callerKey } from '../../../partners/caller.js'
import { listChanges, type ListChangesDeps } from '../../../partners/list-changes.js'
import { getThreatState } from '../../../partners/threat-state.js'
import { DEVICE_STATES } from '../../../risk/level.js'
import { preferredWait } from '../../prefer.js'
import { Level, nullable, Severity, Text, Time, Uuid } from '../../schemas.js'

export interface PartnerDevicesRoutesOptions extends ListChangesDeps {}

/** Well below what proxies give an answer. */
const MAX_WAIT_SECONDS = 30

const State = Type.Enum([...DEVICE_STATES])
const Health = Type.String({ description: 'What Intune is told, in Graph\'s vocabulary: activated, deactivated, secured, lowSeverity, mediumSeverity, highSeverity, unresponsive, misconfigured.' })
const SHARED = {
  deviceId: Uuid,
  entraDeviceId: Uuid,
  version: Type.Integer({ description: 'Of what Intune is told about this device id. Never falls; an item with a lower one than you have is older.' }),
  state: State,
  level: nullable(Level),
  threatState: nullable(Health),
  score: nullable(Type.Integer({ minimum: 0, maximum: 100 })),
  reasons: Type.Array(Type.Object({ detection: Type.String(), severity: Severity, subject: nullable(Type.String({ description: 'Null in privacy mode.' })) }), { description: 'What is behind the level, the worst first; not all of it.' })
}
const ThreatStateSchema = Type.Object({ ...SHARED, levelSince: nullable(Time), assessedAt: nullable(Time), lastReportAt: nullable(Time) }, { title: 'ThreatState' })
const DeviceChangeSchema = Type.Object({ ...SHARED, at: Time, previousState: State, previousLevel: nullable(Level), previousThreatState: nullable(Health) }, { title: 'DeviceChange' })

const pageOf = <K extends string, T extends Parameters<typeof Type.Array>[0]>(kind: K, item: T) => Type.Object({
  kind: Type.Literal(kind),
  items: Type.Array(item),
  nextCursor: Type.String({ description: 'The next changedSince; keep it.' }),
  more: Type.Boolean({ description: 'There is more at once. False: caught up.' })
})
const ChangesSchema = Type.Union([pageOf('devices', ThreatStateSchema), pageOf('changes', DeviceChangeSchema)])
const about = { tags: ['partners'], security: [{ partnerToken: [] }] }

/** The states of the caller's tenant's devices, one by one and as a feed of changes. */
export const partnerDevicesRoutes: FastifyPluginAsyncTypebox<PartnerDevicesRoutesOptions> = async (app, deps) => {
  app.get('/devices/:entraDeviceId/threat-state', {
    config: { access: 'partner' },
    schema: {
      ...about,
      operationId: 'getThreatState',
      summary: 'The present state of a device',
      params: Type.Object({ entraDeviceId: Uuid }),
      response: { 200: ThreatStateSchema }
    }
  }, async ({ params, partner }) => await getThreatState(deps, { ...partner, ...params }) as never)

  app.get('/devices', {
    config: { access: 'partner' },
    schema: {
      ...about,
      operationId: 'listDeviceChanges',
      summary: 'All devices, then every change of their states, in order',
      description: 'Without `changedSince`: all devices, page by page. Then every change since the listing began. A cursor older than what is kept answers 410 `cursor-expired`: start anew. With `wait` or `Prefer: wait=N` (RFC 7240) an answer without changes is held back until there is one, or the time is over.',
      querystring: Type.Object({
        changedSince: Type.Optional(Text({ maxLength: 512, description: 'nextCursor of the answer before.' })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE })),
        wait: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WAIT_SECONDS, description: 'Seconds to wait for a change when there is none.' }))
      }),
      headers: Type.Object({ prefer: Type.Optional(Type.String({ description: 'wait=N, in seconds; `wait` in the address goes before it.' })) }),
      response: { 200: ChangesSchema }
    }
  }, async (request, reply) => {
    const { changedSince, limit, wait } = request.query
    const preferred = wait === undefined ? preferredWait(request.headers.prefer) : undefined
    const waitSeconds = Math.min(wait ?? preferred ?? 0, MAX_WAIT_SECONDS)
    if (preferred !== undefined) reply.header('preference-applied', `wait=${waitSeconds}`)
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return await listChanges(deps, { tenantId: request.partner.tenantId, changedSince, limit, waitMs: waitSeconds * 1000, caller: callerKey(request.partner), signal: gone.signal }) as never
  })
}
