import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listDeadLetters, resendDeadLetters } from '../../../intune/dead-letters.js'
import { LEVEL_MEANINGS } from '../../../onboarding/level-meanings.js'
import { deprovisionTenant } from '../../../intune/deprovision-tenant.js'
import { getConnector } from '../../../intune/get-connector.js'
import { provisionTenant, type ProvisionTenantDeps } from '../../../intune/provision-tenant.js'
import { resyncTenant } from '../../../intune/resync-tenant.js'
import { listConnectorSteps, STEP_STATES } from '../../../onboarding/connector-steps.js'
import { Level, nullable, page, PageQuery, TenantParams, Time, Uuid } from '../../schemas.js'

export interface ConnectorRoutesOptions extends ProvisionTenantDeps {}

const ConnectorSchema = Type.Object({
  state: Type.String(),
  healthy: Type.Boolean(),
  summary: Type.String({ description: 'What the state means and what to do, in words.' }),
  provisionedAt: nullable(Time),
  lastHeartbeatAt: nullable(Time),
  nextHeartbeatAt: nullable(Time),
  waiting: Type.Integer({ description: 'Phones whose newest state Intune does not have yet.' }),
  oldestWaitingSince: nullable(Time),
  failing: Type.Integer(),
  deadLetters: Type.Integer({ description: 'Phones whose state Intune went on refusing until it was given up.' }),
  lastError: nullable(Type.String()),
  lastErrorAt: nullable(Time),
  pausedUntil: nullable(Time),
  circuit: Type.Enum(['closed', 'open', 'half-open'], { description: '`open`: nothing is sent until `pausedUntil`; `half-open`: one message at a time until one gets through.' }),
  failedHost: nullable(Type.Object({ name: Type.String(), pausedUntil: nullable(Time) }, { description: 'The host of the last failure. With `pausedUntil` it answers nobody and is left alone for all its tenants.' })),
  messageErrors: Type.Array(Type.Unknown()),
  stuck: Type.Integer({ description: 'Phones about which Intune keeps another state, however often it is told.' }),
  atIntune: nullable(Type.Object({
    state: nullable(Type.String()),
    switches: Type.Record(Type.String(), Type.Boolean()),
    heartbeatAt: nullable(Time),
    unresponsiveThresholdDays: nullable(Type.Integer({ description: 'After so many days of silence Intune ignores our data.' })),
    readAt: Time,
    readError: nullable(Type.String())
  }, { description: 'The connector as Microsoft Graph shows it.' }))
}, { title: 'Connector' })
const DeadLetterSchema = Type.Object({
  deviceId: Uuid,
  entraDeviceId: Uuid,
  health: Type.String({ description: 'What Intune should know.' }),
  refusals: Type.Integer(),
  refusedSince: nullable(Time),
  deadAt: Time,
  lastError: nullable(Type.String())
}, { title: 'DeadLetter' })
const MAX_RESENT = 1_000
const ResendBody = Type.Object({
  deviceIds: Type.Optional(Type.Array(Uuid, { minItems: 1, maxItems: MAX_RESENT, uniqueItems: true, description: 'None: all.' }))
}, { additionalProperties: false })
const WithStepsSchema = Type.Object({
  ...ConnectorSchema.properties,
  steps: Type.Array(Type.Object({
    step: Type.String({ description: '`consent`, `credential`, `roles`, `discovery`, `provisioning`, `heartbeat`, `connector-toggles`, `app`, `app-configuration`, `compliance-policies`.' }),
    state: Type.Enum([...STEP_STATES]),
    text: Type.String(),
    nextAction: nullable(Type.String({ description: 'What to do next; null: nothing.' }))
  }), { description: 'How far the tenant is, from what is known; `GET …/connector/doctor` looks anew.' }),
  levels: Type.Array(Type.Object({ level: Level, told: Type.String({ description: 'Graph\'s word for it, as Intune shows it.' }), meaning: Type.String() }), { description: 'What our levels mean and what Intune is told of each.' })
}, { title: 'ConnectorWithSteps' })
const about = { tags: ['intune'], security: [{ apiKey: [] }], params: TenantParams }

/** A tenant's connection to Intune. */
export const connectorRoutes: FastifyPluginAsyncTypebox<ConnectorRoutesOptions> = async (app, deps) => {
  app.get('/connector', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'getConnector', summary: 'How the connection to Intune is', response: { 200: WithStepsSchema } }
  }, async ({ params }) => {
    const [connector, steps] = await Promise.all([getConnector(deps, params), listConnectorSteps(deps, params)])
    return { ...connector, steps, levels: LEVEL_MEANINGS } as never
  })

  app.post('/connector/provision', {
    config: { permission: 'connector:manage' },
    schema: { ...about, operationId: 'provisionConnector', summary: 'Connect to Intune', response: { 200: ConnectorSchema } }
  }, async ({ params, operator }) => await provisionTenant(deps, { ...params, actor: operator.name }) as never)

  app.post('/connector/deprovision', {
    config: { permission: 'connector:manage' },
    schema: { ...about, operationId: 'deprovisionConnector', summary: 'Disconnect from Intune', response: { 200: ConnectorSchema } }
  }, async ({ params, operator }) => await deprovisionTenant(deps, { ...params, actor: operator.name }) as never)

  app.post('/connector/resync', {
    config: { permission: 'connector:manage' },
    schema: { ...about, operationId: 'resyncConnector', summary: 'Send the state of every phone again', response: { 202: Type.Object({ devices: Type.Integer() }) } }
  }, async ({ params, operator }, reply) => {
    reply.code(202)
    return await resyncTenant(deps, { ...params, actor: operator.name })
  })

  app.get('/connector/dead-letters', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'listConnectorDeadLetters', summary: 'Phones whose state Intune went on refusing until it was given up, the last one first', querystring: Type.Object(PageQuery), response: { 200: page(DeadLetterSchema) } }
  }, async ({ params, query }) => await listDeadLetters(deps, { ...query, ...params }) as never)

  app.post('/connector/dead-letters/resend', {
    config: { permission: 'dead-letter:resend' },
    schema: { ...about, operationId: 'resendConnectorDeadLetters', summary: 'Send such states again', body: ResendBody, response: { 202: Type.Object({ devices: Type.Integer() }) } }
  }, async ({ params, body, operator }, reply) => {
    reply.code(202)
    return await resendDeadLetters(deps, { ...params, ...body, actor: operator.name })
  })
}
