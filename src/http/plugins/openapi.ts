import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { PERMISSIONS, type Permission, scopeOf } from '../../operators/roles.js'
import { PROBLEM_MEDIA_TYPE, ProblemSchema } from '../problem.js'

/**
 * What the page at /docs may load: its own files. Not swagger-ui's own list, which has the
 * browser ask for them over TLS, also where there is none.
 */
const DOCS_CSP = "default-src 'self'; base-uri 'self'; font-src 'self' data:; frame-ancestors 'self'; img-src 'self' data:; object-src 'none'; script-src 'self'; script-src-attr 'none'; style-src 'self'"

export interface OpenApiOptions {
  readonly version: string
  /** Bounds how often strangers read it. */
  readonly limit: (scope: FastifyInstance) => Promise<void>
}

interface Operation { responses?: Record<string, { description?: string, $ref?: string, content?: unknown }> }
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

/** The API's own description: OpenAPI 3.1 at /docs/json, and a page to read and try it at /docs. */
export async function addOpenApi (app: FastifyInstance, { version, limit }: OpenApiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sallyport',
        version,
        description: 'Mobile Threat Defense: agents report, operators watch, relying parties learn. Errors are RFC 9457 problems with a stable `code`.'
      },
      tags: [
        { name: 'agents', description: 'What phones call.' },
        { name: 'devices', description: 'Phones, findings, history.' },
        { name: 'policy', description: 'What counts as dangerous.' },
        { name: 'enrollment', description: 'Tokens that let agents enrol.' },
        { name: 'intune', description: 'The connector to Intune.' },
        { name: 'intel', description: 'Threat intelligence.' },
        { name: 'partners', description: 'What relying parties learn of devices.' },
        { name: 'signals', description: 'Who else is told: OpenID Shared Signals, webhooks, SIEM.' },
        { name: 'access', description: 'Who gets in: grants of roles, and API keys.' },
        { name: 'platform', description: 'Tenants and audit.' }
      ],
      components: {
        schemas: { Problem: ProblemSchema },
        responses: {
          Problem: { description: 'What is wrong, as an RFC 9457 problem.', content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } }
        },
        securitySchemes: {
          enrollmentToken: { type: 'http', scheme: 'bearer', description: 'An enrolment token, `set_…`.' },
          accessToken: { type: 'http', scheme: 'bearer', description: 'An agent\'s access token from /v1/enroll or /v1/token.' },
          apiKey: { type: 'http', scheme: 'bearer', description: 'An operator\'s API key, `sp_…`.' },
          operatorToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Or an access token of the organisation\'s OpenID provider (Entra ID unless configured otherwise), meant for this API.' },
          partnerToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A relying party\'s app-only access token from Entra ID, meant for this API, with the role `threat_state.read`.' }
        }
      }
    },
    transform: ({ schema, url, route }) => ({ schema: describeAccess(schema, route.config?.permission), url }),
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject
      const { paths = {} } = document.openapiObject
      for (const path of Object.values(paths)) {
        for (const method of METHODS) addProblems((path as Record<string, Operation | undefined>)[method])
      }
      return document.openapiObject
    }
  })
  let written: Buffer | undefined
  await app.register(async (docs) => {
    await limit(docs)
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' }
      // Half a megabyte, written once: neither the work nor the memory of it again for everybody who asks, and reads slowly.
      if (route.url === '/docs/json') route.handler = async (_request, reply) => reply.type('application/json; charset=utf-8').send(written ??= Buffer.from(JSON.stringify(app.swagger())))
    })
    await docs.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP })
  })
}

/** What an operator's route asks of them, in words; and whoever has a key may have a token instead. */
function describeAccess (schema: FastifySchema, permission: Permission | undefined): FastifySchema {
  if (permission === undefined) return schema
  const needed = PERMISSIONS[permission]
  const text = needed === null ? 'For every operator.' : `Needs the permission \`${permission}\`: role \`${needed}\`${needed === 'ssf-receiver' || needed === 'platform-admin' ? '' : ' or higher'}${scopeOf(permission) === 'tenant' ? ' in the tenant' : ''}.`
  return {
    ...schema,
    description: schema.description === undefined ? text : `${schema.description}\n\n${text}`,
    ...(needed === 'ssf-receiver' ? {} : { security: [{ apiKey: [] }, { operatorToken: [] }] })
  }
}

/** Every route may answer with a problem; and its good answers are called what HTTP calls them. */
function addProblems (operation: Operation | undefined): void {
  if (operation?.responses === undefined) return
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? status
  }
  operation.responses.default = { $ref: '#/components/responses/Problem' }
}
