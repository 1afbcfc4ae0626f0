import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import t from 'tap'
import { startTestApi } from '../helpers/api.js'

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>
  readonly parameters?: ReadonlyArray<{ readonly name: string, readonly in: string, readonly required?: boolean, readonly schema: object }>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, { readonly $ref?: string, readonly description?: string, readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>
}
interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string, readonly version: string }
  readonly tags: ReadonlyArray<{ readonly name: string, readonly description: string }>
  readonly components: { readonly schemas: Readonly<Record<string, object>>, readonly securitySchemes: Readonly<Record<string, object>> }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const TENANT = '/v1/tenants/{tenantId}'
/** The contract's routes. */
const CONTRACT = [
  'GET /v1/partner/state', 'GET /v1/partner/devices', 'GET /v1/partner/devices/{entraDeviceId}/threat-state',
  'POST /v1/enroll', 'POST /v1/token', 'POST /v1/telemetry', 'POST /v1/telemetry/batch', 'GET /v1/device/status',
  'GET /v1/me', 'GET /v1/onboarding/consent', 'POST /v1/onboarding/consent', 'GET /v1/tenants', 'POST /v1/tenants', 'POST /v1/intel/feeds/{feed}/import', 'GET /v1/intel/feeds', 'GET /v1/intel/feeds/{feed}/versions', 'GET /v1/intel/indicators', 'DELETE /v1/intel/feeds/{feed}', 'GET /v1/intel/vulnerabilities',
  ...[
    'GET /devices', 'GET /devices/{deviceId}', 'GET /devices/{deviceId}/history', 'POST /devices/{deviceId}/reassess', 'POST /devices/{deviceId}/revoke', 'DELETE /devices/{deviceId}',
    'PATCH /devices/{deviceId}', 'GET /findings', 'GET /detections', 'GET /policy', 'PUT /policy', 'POST /policy/preview', 'GET /suppressions', 'POST /suppressions', 'DELETE /suppressions/{id}', 'GET /enrollment-tokens', 'POST /enrollment-tokens', 'DELETE /enrollment-tokens/{id}',
    'GET /connector', 'POST /connector/provision', 'POST /connector/deprovision', 'POST /connector/resync', 'POST /connector/consent', 'GET /connector/doctor', 'GET /intune/admin-setup', 'POST /intune/admin-setup', 'GET /audit', 'GET /overview', 'POST /ingest/{vocabulary}'
  ].map((route) => route.replace(' ', ` ${TENANT}`))
]

/** What asks for no key: a token is its own proof, and what verifies signals is for everybody. */
const OPEN = ['POST /v1/token', 'GET /v1/onboarding/consent', 'GET /.well-known/ssf-configuration/v1/ssf/{tenantId}', 'GET /v1/ssf/{tenantId}/jwks.json']

const { app } = await startTestApi(t)
const answer = await app.inject('/docs/json')
const document = answer.json<OpenApi>()
const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, method, operation })))

/** The app's routes as it prints them: a tree, four characters a step. */
function routesOf (tree: string): string[] {
  const parts: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent, part, methods] = /^([│ ]*[├└]── )(\S*) \((.*)\)$/.exec(line) ?? []
    if (indent === undefined || part === undefined || methods === undefined) return []
    const depth = indent.length / 4 - 1
    parts.splice(depth, parts.length, part)
    const path = parts.join('').replace(/:(\w+)/g, '{$1}')
    return methods.split(', ').filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`)
  })
}

t.test('every route of the app is described, and nothing else', async (t) => {
  const routes = routesOf(app.printRoutes({ commonPrefix: false })).filter((route) => !route.includes(' /docs'))
  t.ok(routes.length >= CONTRACT.length, `${routes.length} routes`)
  t.strictSame(operations.map(({ name }) => name).sort(), routes.sort())
})

t.test('every route of the contract is there', async (t) => {
  const names = new Set(operations.map(({ name }) => name))
  for (const name of CONTRACT) t.ok(names.has(name), name)
})

t.test('each route says what it is, who may call it, and what comes back', async (t) => {
  t.match(document, { openapi: /^3\.1\.\d$/, info: { title: 'Sallyport', version: '0.0.0-test' } })
  const tags = new Set(document.tags.map(({ name }) => name))
  const schemes = new Set(Object.keys(document.components.securitySchemes))
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length, 'operation ids are unique')
  for (const { name, path, method, operation } of operations) {
    const { operationId, summary, tags: own = [], security, parameters = [], requestBody, responses } = operation
    t.match({ operationId, summary }, { operationId: /^[a-z][A-Za-z]+$/, summary: /^[A-Z]/ }, name)
    t.ok(own.length === 1 && own.every((tag) => tags.has(tag)), `${name}: a known tag`)
    const ways = security?.flatMap(Object.keys)
    t.equal(ways?.length, OPEN.includes(name) ? 0 : ways?.includes('operatorToken') === true ? 2 : 1, `${name}: how to sign in`)
    t.equal(ways?.includes('operatorToken'), ways?.includes('apiKey') === true && !path.startsWith('/v1/ssf/'), `${name}: operators come with a token as well`)
    if (ways?.includes('apiKey') === true) t.match(operation.description, /Needs the permission `[a-z:-]+`: role `[a-z-]+`|For every operator\./, `${name}: which role it takes`)
    t.ok(security?.flatMap(Object.keys).every((scheme) => schemes.has(scheme)), `${name}: by a described scheme`)
    t.strictSame(parameters.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name).sort(), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort(), `${name}: its path`)
    t.ok(parameters.every((parameter) => (parameter.required === true) === (parameter.in === 'path' || ['os', 'value'].includes(parameter.name) || (parameter.name === 'stream_id' && name !== 'GET /v1/ssf/{tenantId}/streams'))), `${name}: required is what is required`)
    if (['get', 'delete'].includes(method)) t.equal(requestBody, undefined, `${name}: no body`)
    const good = Object.keys(responses).filter((status) => status.startsWith('2'))
    t.ok(good.length > 0, `${name}: a good answer`)
    for (const status of good) {
      t.not(responses[status]!.description, 'Default Response', `${name}: ${status} in words`)
      t.equal(responses[status]!.content === undefined, status === '204', `${name}: ${status} has a body unless it says there is none`)
    }
    t.equal(responses.default?.$ref, '#/components/responses/Problem', `${name}: what a refusal looks like`)
  }
  t.ok(document.paths['/v1/intel/feeds/{feed}/import']!.post!.requestBody?.content['application/octet-stream'], 'a feed is a file')
})

t.test('every reference leads somewhere, and every schema is one', async (t) => {
  const ajv = addFormats.default(new Ajv2020({ strict: false }))
  ajv.addSchema(document as object, 'openapi')
  let references = 0
  let schemas = 0
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, member] of Object.entries(value)) {
      if (key === '$ref' && typeof member === 'string') {
        references++
        const target = member.replace('#/', '').split('/').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document)
        t.ok(target !== undefined, member)
      }
      if (key === 'schema') t.doesNotThrow(() => ajv.compile({ $id: `schema-${++schemas}`, ...rebase(member) }))
      walk(member)
    }
  }
  walk(document)
  t.ok(references >= operations.length)
})

/** The same schema with its references into the whole document. */
const rebase = (schema: unknown): object => JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi#/')) as object

t.test('the page at /docs may load all that it needs, also without TLS', async (t) => {
  const page = await app.inject('/docs/')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  const csp = String(page.headers['content-security-policy'])
  t.match(csp, /script-src 'self'/)
  t.match(csp, /default-src 'self'/)
  t.notMatch(csp, /upgrade-insecure-requests|unsafe-eval|swagger\.io/)
  t.notMatch(page.body, /<script(?![^>]* src=)|<style| style=| on\w+=/, 'nothing inline, which the policy would block')
  const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!)
  t.ok(files.length >= 4)
  for (const file of files) {
    const url = new URL(file, 'http://localhost/docs/')
    t.equal(url.origin, 'http://localhost', `${file}: our own`)
    t.equal((await app.inject(url.pathname)).statusCode, 200, file)
  }
  t.equal((await app.inject('/docs')).statusCode, 200, 'without the slash')
  t.equal((await app.inject('/docs/yaml')).statusCode, 200)
  t.notMatch(String((await app.inject({ url: '/v1/tenants' })).headers['content-security-policy']), /upgrade-insecure-requests/)
})
