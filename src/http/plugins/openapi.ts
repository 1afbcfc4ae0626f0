import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** The API's own description: OpenAPI 3.1 at /docs/json, and a page to read and try it at /docs. */
export async function addOpenApi (app: FastifyInstance, { version }: { readonly version: string }): Promise<void> {
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
        { name: 'platform', description: 'Tenants and audit.' }
      ],
      components: {
        securitySchemes: {
          enrollmentToken: { type: 'http', scheme: 'bearer', description: 'An enrolment token, `set_…`.' },
          accessToken: { type: 'http', scheme: 'bearer', description: 'An agent\'s access token from /v1/enroll or /v1/token.' },
          apiKey: { type: 'http', scheme: 'bearer', description: 'An operator\'s API key, `sp_…`.' }
        }
      }
    }
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
}
