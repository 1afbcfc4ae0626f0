import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { issueAccessToken, JWT_BEARER_GRANT, type IssueAccessTokenDeps } from '../../devices/issue-access-token.js'

export interface TokenRoutesOptions extends IssueAccessTokenDeps {}

const FORM = 'application/x-www-form-urlencoded'

export const TokenBodySchema = Type.Object({
  grant_type: Type.Enum([JWT_BEARER_GRANT]),
  assertion: Type.String({
    minLength: 1,
    maxLength: 4_096,
    description: 'JWT signed with the device key (EdDSA or ES256): iss and sub the device id, aud `<public url>/v1/token`, exp at most 10 minutes ahead, jti used once.'
  })
})

/** RFC 6749 names for OAuth clients, and the names that `POST /v1/enroll` answers with. */
export const TokenReplySchema = Type.Object({
  accessToken: Type.String(),
  expiresIn: Type.Integer({ description: 'Seconds.' }),
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer()
})

/** `POST /v1/token`: a signed assertion for an access token (RFC 7523). Register under `/v1`. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenRoutesOptions> = async (app, deps) => {
  app.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body as string)))
  })

  app.post('/token', {
    config: { access: 'assertion' },
    schema: {
      operationId: 'issueAccessToken',
      summary: 'Get an access token',
      tags: ['agents'],
      security: [],
      consumes: [FORM, 'application/json'],
      body: TokenBodySchema,
      response: { 200: TokenReplySchema }
    }
  }, async (request, reply) => {
    const { accessToken, expiresIn } = await issueAccessToken(deps, request.body)
    // RFC 6749, section 5.1.
    reply.header('cache-control', 'no-store')
    return { accessToken, expiresIn, access_token: accessToken, token_type: 'Bearer' as const, expires_in: expiresIn }
  })
}
