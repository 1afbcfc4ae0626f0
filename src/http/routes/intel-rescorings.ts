import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listRescorings } from '../../devices/retro/rescorings.js'
import type { Database } from '../../platform/database.js'
import { nullable, page, Time } from '../schemas.js'

export const RescoringSchema = Type.Object({
  id: Type.Integer(),
  cause: Type.Enum(['intel', 'policy', 'suppression']),
  tenantId: nullable(Type.String({ format: 'uuid' })),
  intelVersion: Type.Integer(),
  changes: nullable(Type.Integer({ description: 'Values that changed; null: everything.' })),
  found: Type.Integer({ description: 'Phones found so far.' }),
  waiting: Type.Integer({ description: 'Of them, still to be judged.' }),
  isFinding: Type.Boolean({ description: 'The whole fleet is taken, and more will be found.' }),
  startedAt: Time,
  finishedAt: nullable(Time)
})

/** How far the phones are judged anew that changes of the threat intelligence concern. */
export const intelRescoringsRoutes: FastifyPluginAsyncTypebox<{ readonly db: Database }> = async (app, { db }) => {
  app.get('/intel/rescorings', {
    config: { permission: 'intel:read' },
    schema: {
      tags: ['intel'],
      security: [{ apiKey: [] }],
      operationId: 'listRescorings',
      summary: 'Which changes of the intelligence phones are judged anew for, and how far that is',
      querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })) }),
      response: { 200: page(RescoringSchema) }
    }
  }, async ({ query }) => ({ items: await listRescorings(db, { limit: query.limit ?? 50 }), nextCursor: null }) as never)
}
