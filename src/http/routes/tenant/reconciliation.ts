import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { changeReconciliation, startReconciliation, type ReconciliationDeps } from '../../../intune/reconcile/change-reconciliation.js'
import { getReconciliation } from '../../../intune/reconcile/get-reconciliation.js'
import { NO_COUNTS, PARTS } from '../../../intune/reconcile/round.js'
import { nullable, TenantParams, Text, Time, Uuid } from '../../schemas.js'

export interface ReconciliationRoutesOptions extends ReconciliationDeps {}

const { driftedByKind: _kinds, appsEmpty: _reasons, ...plainCounts } = NO_COUNTS
const CountsSchema = Type.Object({
  ...Object.fromEntries(Object.keys(plainCounts).map((name) => [name, Type.Integer()])),
  driftedByKind: Type.Record(Type.String(), Type.Integer(), { description: 'By how Intune\'s state differs: lost, milder, harsher, other.' }),
  appsEmpty: Type.Record(Type.String(), Type.Integer(), { description: 'Phones of which Intune passes no app on: not-enrolled, no-check-in, personal, unknown.' })
})
const ReconciliationSchema = Type.Object({
  running: Type.Boolean(),
  nextAt: nullable(Time),
  fullAt: nullable(Type.String({ format: 'date-time', description: 'The last time that everything was compared.' })),
  deactivateAfterDays: nullable(Type.Integer()),
  groups: Type.Array(Type.Object({
    wanted: Type.String(),
    entraGroupId: nullable(Uuid),
    name: nullable(Type.String()),
    members: Type.Integer(),
    fault: nullable(Type.String())
  })),
  directory: Type.Object({ phones: Type.Integer(), pending: Type.Integer(), missing: Type.Integer(), vanished: Type.Integer(), drifting: Type.Integer(), stuck: Type.Integer() }),
  rounds: Type.Array(Type.Object({
    id: Type.Integer(),
    startedAt: Time,
    finishedAt: nullable(Time),
    full: Type.Boolean(),
    requested: Type.Boolean(),
    parts: Type.Array(Type.Object({
      part: Type.Enum([...PARTS]),
      state: Type.Enum(['ok', 'unknown', 'skipped', 'running', 'waiting']),
      words: nullable(Type.String()),
      permission: nullable(Type.String({ description: 'The Graph permission that is missing.' }))
    })),
    counts: CountsSchema
  }), { description: 'The last first.' })
}, { title: 'Reconciliation' })
const about = { tags: ['intune'], security: [{ apiKey: [] }], params: TenantParams }

/** How a tenant's phones compare with what Intune and Entra know. */
export const reconciliationRoutes: FastifyPluginAsyncTypebox<ReconciliationRoutesOptions> = async (app, deps) => {
  app.get('/connector/reconciliation', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'getReconciliation', summary: 'How phones here compare with Intune and Entra', response: { 200: ReconciliationSchema } }
  }, async ({ params }) => await getReconciliation(deps, params) as never)

  app.patch('/connector/reconciliation', {
    config: { permission: 'connector:manage' },
    schema: {
      ...about,
      operationId: 'changeReconciliation',
      summary: 'Choose the Entra groups whose phones are expected, and what becomes of phones that vanish',
      description: 'What is left out stays as it is. A round is started.',
      body: Type.Object({
        groups: Type.Optional(Type.Array(Text({ minLength: 1, maxLength: 256 }), { maxItems: 50, description: 'Object ids or names; names are told apart by case. Members of nested groups are not followed.' })),
        deactivateAfterDays: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 3_650, description: 'A phone that is gone from Intune for so long is deactivated; null: never by itself.' })))
      }, { additionalProperties: false }),
      response: { 200: ReconciliationSchema }
    }
  }, async ({ params, body, operator }) => await changeReconciliation(deps, { ...body, ...params, actor: operator.name }) as never)

  app.post('/connector/reconcile', {
    config: { permission: 'connector:manage' },
    schema: { ...about, operationId: 'startReconciliation', summary: 'Compare everything with Intune and Entra now', response: { 202: ReconciliationSchema } }
  }, async ({ params, operator }, reply) => {
    reply.code(202)
    return await startReconciliation(deps, { ...params, actor: operator.name }) as never
  })
}
