import { randomBytes } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { Type } from 'typebox'
import { createValidatorCompiler } from '../src/http/validator.js'
import { ReportSchema } from '../src/telemetry/report.js'
import { serve } from './remote.js'

/** What Fastify alone does with the same requests: JWT verified, body validated, nothing stored. */
export interface BareApi {
  start (options: { readonly phones: number }): Promise<{ readonly url: string, readonly tokens: string[] }>
}

serve<BareApi>({
  async start ({ phones }) {
    const app = Fastify({ logger: false, bodyLimit: 8 * 1024 * 1024 })
    app.setValidatorCompiler(createValidatorCompiler())
    // Verified tokens are remembered here as well, or the comparison would flatter us.
    await app.register(jwt, { secret: randomBytes(32), verify: { cache: phones * 2 } })
    app.addHook('onRequest', async (request) => { await request.jwtVerify() })
    const Receipt = Type.Object({ reportId: Type.String(), status: Type.String(), resend: Type.Array(Type.String()) })
    app.post('/v1/telemetry', { schema: { body: ReportSchema, response: { 202: Receipt } } }, async (request, reply) => {
      reply.code(202)
      return { reportId: (request.body as { reportId: string }).reportId, status: 'accepted', resend: [] }
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    return { url, tokens: Array.from({ length: phones }, (_, index) => app.jwt.sign({ sub: String(index), tid: 'bench' }, { expiresIn: '1h' })) }
  }
})
