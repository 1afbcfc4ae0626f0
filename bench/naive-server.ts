import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { createSigningKeys } from '../src/devices/signing-keys.js'
import { createValidatorCompiler } from '../src/http/validator.js'
import { openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { openQueues } from '../src/platform/queues.js'
import { createSecretBox } from '../src/platform/secret-box.js'
import { insertReports } from '../src/telemetry/journal-repository.js'
import { ReportSchema, type Report } from '../src/telemetry/report.js'
import { toStorableReport } from '../src/telemetry/storable-report.js'
import { serve } from './remote.js'

/** The way in as one would write it first: one INSERT and one job for each report. The workers are Sallyport's own. */
export interface NaiveApi {
  start (options: { readonly databaseUrl: string, readonly secretsKey: string, readonly redisUrl?: string }): Promise<{ readonly url: string }>
}

const CONNECTIONS = 20

serve<NaiveApi>({
  async start ({ databaseUrl, secretsKey, redisUrl }) {
    const log = createLogger({ level: 'warn' })
    const db = openDatabase({ connectionString: databaseUrl, maxConnections: CONNECTIONS })
    const queues = await openQueues({ databaseUrl, log, ...(redisUrl === undefined ? {} : { redisUrl }) })
    const keys = await createSigningKeys({ db, secrets: createSecretBox(secretsKey), log })
    const score = queues.producer('score')

    const app = Fastify({ logger: false, bodyLimit: 8 * 1024 * 1024 })
    app.setValidatorCompiler(createValidatorCompiler())
    await app.register(jwt, { secret: keys.current().secret, verify: { cache: 10_000 } })
    app.addHook('onRequest', async (request) => { await request.jwtVerify() })
    app.post('/v1/telemetry', { schema: { body: ReportSchema } }, async (request, reply) => {
      const { sub: deviceId } = request.user as { sub: string }
      const report = request.body as Report
      const { groupId } = await insertReports(db, [{ deviceId, source: null, ...toStorableReport(report) }], new Date())
      if (groupId !== null) await score.add([{ groupId }])
      reply.code(202)
      return { reportId: report.reportId, status: groupId === null ? 'duplicate' : 'accepted', resend: [] }
    })
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }) }
  }
})
