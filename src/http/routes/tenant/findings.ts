import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listFindings } from '../../../devices/list-findings.js'
import { listQuarantine } from '../../../devices/list-quarantine.js'
import { retryQuarantined } from '../../../devices/retry-quarantined.js'
import type { ScoreDeps } from '../../../devices/score-devices.js'
import { getOverview } from '../../../operators/get-overview.js'
import type { Database } from '../../../platform/database.js'
import { FindingSchema, page, PageQuery, RowId, Severity, TenantParams, Text, Time, Uuid } from '../../schemas.js'

export interface FindingsRoutesOptions {
  readonly db: Database
  /** Of all tenants, as workers do. */
  readonly scoring: ScoreDeps
}

const QuarantinedSchema = Type.Object({ id: Type.Integer(), reportId: Uuid, deviceId: Uuid, error: Type.String(), receivedAt: Time, quarantinedAt: Time })
const Counts = Type.Record(Type.String(), Type.Integer())
const about = { tags: ['devices'], security: [{ apiKey: [] }] }

/** Across a tenant's phones: findings, numbers, and reports that could not be scored. */
export const findingsRoutes: FastifyPluginAsyncTypebox<FindingsRoutesOptions> = async (app, deps) => {
  app.get('/findings', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listFindings',
      summary: 'Findings across the fleet',
      params: TenantParams,
      querystring: Type.Object({
        ...PageQuery,
        status: Type.Optional(Type.Enum(['open', 'resolved', 'suppressed'])),
        detection: Type.Optional(Text({ maxLength: 64 })),
        severity: Type.Optional(Severity),
        subject: Type.Optional(Text({ maxLength: 2_048 }))
      }),
      response: { 200: page(FindingSchema) }
    }
  }, async ({ params, query }) => await listFindings(deps, { ...query, ...params }) as never)

  app.get('/overview', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'getOverview',
      summary: 'The fleet in numbers',
      params: TenantParams,
      response: {
        200: Type.Object({
          devices: Type.Integer(),
          byLevel: Counts,
          byState: Counts,
          byPlatform: Counts,
          byDetection: Counts,
          changes: Type.Array(Type.Object({ hour: Time, to: Type.String(), count: Type.Integer() }))
        })
      }
    }
  }, async ({ params }) => await getOverview(deps, params) as never)

  app.get('/quarantine', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'listQuarantine', summary: 'Reports that could not be scored', params: TenantParams, querystring: Type.Object(PageQuery), response: { 200: page(QuarantinedSchema) } }
  }, async ({ params, query }) => await listQuarantine(deps, { ...query, ...params }) as never)

  app.post('/quarantine/:id/retry', {
    config: { permission: 'quarantine:retry' },
    schema: {
      ...about,
      operationId: 'retryQuarantined',
      summary: 'Score a report once more',
      params: Type.Object({ tenantId: Uuid, id: RowId }),
      response: { 204: Type.Null() }
    }
  }, async ({ params, operator }, reply) => {
    await retryQuarantined(deps, { ...params, actor: operator.name })
    return reply.code(204).send(null)
  })
}
