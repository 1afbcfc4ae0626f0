import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import t from 'tap'
import { addAccessTable, guard } from '../../src/http/plugins/access.js'

/** An app with this route, in a scope that lets these in. */
async function start (config: RouteOptions['config'], { url = '/x', scope }: { readonly url?: string, readonly scope?: 'agent' | 'partner' | 'operator' } = {}): Promise<FastifyInstance> {
  const app = Fastify()
  addAccessTable(app)
  await app.register(async (inner) => {
    if (scope !== undefined) guard(inner, scope)
    inner.get(url, { ...(config === undefined ? {} : { config }) }, async () => 'x')
  })
  await app.ready()
  return app
}

t.test('an app with a route that does not say who may call it does not start', async (t) => {
  const faulty: Array<[why: RegExp, ...Parameters<typeof start>]> = [
    [/declares neither access nor a permission/, undefined],
    [/declares neither access nor a permission/, {}, { scope: 'operator' }],
    [/declares both/, { access: 'public', permission: 'fleet:read' }],
    [/declares agent, and is let in as anybody/, { access: 'agent' }],
    [/declares partner, and is let in as agent/, { access: 'partner' }, { scope: 'agent' }],
    [/declares public, and is let in as operator/, { access: 'public' }, { scope: 'operator' }],
    [/declares fleet:read, and is let in as anybody/, { permission: 'fleet:read' }, { url: '/:tenantId' }],
    [/declares fleet:read, and is let in as partner/, { permission: 'fleet:read' }, { url: '/:tenantId', scope: 'partner' }],
    [/which is no permission/, { permission: 'toString' as 'fleet:read' }, { scope: 'operator' }],
    [/about one tenant, and names none/, { permission: 'fleet:read' }, { scope: 'operator' }],
    [/about no tenant, and names one/, { permission: 'tenant:manage' }, { url: '/:tenantId', scope: 'operator' }]
  ]
  for (const [why, ...input] of faulty) await t.rejects(start(...input), { message: why }, String(why))
})

t.test('one that says so starts, and lists its routes', async (t) => {
  const app = await start({ permission: 'fleet:read' }, { url: '/t/:tenantId', scope: 'operator' })
  t.strictSame(app.accessTable(), ['GET', 'HEAD'].map((method) => ({ method, url: '/t/:tenantId', access: 'operator', permission: 'fleet:read' })))
  t.match((await start({ access: 'public' })).accessTable(), [{ url: '/x', access: 'public' }, {}])
  t.match((await start({ access: 'agent' }, { scope: 'agent' })).accessTable(), [{ access: 'agent' }, {}])
})
