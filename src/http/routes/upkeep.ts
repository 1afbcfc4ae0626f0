import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../../platform/database.js'
import { listUpkeepTasks } from '../../platform/upkeep-tasks.js'
import { nullable, page, Time } from '../schemas.js'

const UpkeepTaskSchema = Type.Object({
  task: Type.String(),
  everySeconds: Type.Number(),
  isRunning: Type.Boolean(),
  isLate: Type.Boolean({ description: 'No run has succeeded for three intervals and a minute.' }),
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  succeededAt: nullable(Time),
  seconds: nullable(Type.Number({ description: 'How long the last run that came to an end took.' })),
  outcome: nullable(Type.Enum(['done', 'failed'])),
  error: nullable(Type.String()),
  result: Type.Unknown({ description: 'What the last run did.' }),
  runs: Type.Integer(),
  failures: Type.Integer(),
  abandoned: Type.Integer({ description: 'Runs whose process died; another began anew.' })
}, { title: 'UpkeepTask' })

/** What happens without anybody asking, and whether it does. */
export const upkeepRoutes: FastifyPluginAsyncTypebox<{ readonly db: Database }> = async (app, { db }) => {
  app.get('/upkeep', {
    config: { permission: 'upkeep:read' },
    schema: {
      tags: ['platform'],
      security: [{ apiKey: [] }],
      operationId: 'listUpkeep',
      summary: 'The tasks of upkeep: when each last ran, for how long, and what became of it',
      response: { 200: page(UpkeepTaskSchema) }
    }
  }, async () => ({ items: await listUpkeepTasks(db), nextCursor: null }) as never)
}
