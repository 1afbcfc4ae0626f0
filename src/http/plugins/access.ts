import type { FastifyInstance, RouteOptions } from 'fastify'
import { PERMISSIONS, type Permission, scopeOf } from '../../operators/roles.js'

/**
 * Who may call a route. `public`: anybody; `enrollment-token` and `assertion`: who brings one, which the
 * route itself looks at; `agent`, `partner`, `operator`: who was let in before the route is reached.
 */
export type Access = 'public' | 'enrollment-token' | 'assertion' | Guard
export type Guard = 'agent' | 'partner' | 'operator'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call; of operator routes the permission says it. */
    access?: Exclude<Access, 'operator'>
    /** What an operator must be allowed to do. */
    permission?: Permission
    /** Who is let in here: set by the scope that the route is in. */
    guard?: Guard
  }
  interface FastifyInstance {
    accessTable: AccessTable
  }
}

/** A route and who may call it. */
export interface RouteAccess {
  readonly method: string
  /** As Fastify writes it: `/v1/tenants/:tenantId/devices`. */
  readonly url: string
  readonly access: Access
  /** Of an operator. */
  readonly permission: Permission | undefined
}

/** All routes of the app, once it is ready. */
export type AccessTable = () => readonly RouteAccess[]

/** Marks all routes of a scope as let in by it. Whoever calls this adds the hook that lets in. */
export function guard (scope: FastifyInstance, who: Guard): void {
  scope.addHook('onRoute', (route) => { route.config = { ...route.config, guard: who } })
}

/**
 * Refuses to start with a route that does not declare who may call it, or declares it otherwise than
 * the scope that it is in lets callers in. Add it before all routes.
 */
export function addAccessTable (app: FastifyInstance): void {
  const routes: RouteOptions[] = []
  let table: readonly RouteAccess[] | undefined
  // The scope's own hooks come after this one, so what they say is looked at when all is there.
  app.addHook('onRoute', (route) => { routes.push(route) })
  const collect: AccessTable = () => {
    if (table !== undefined) return table
    const faults: string[] = []
    const found = routes.flatMap((route) => {
      const fault = faultIn(route)
      if (fault !== undefined) faults.push(`${String(route.method)} ${route.url} ${fault}`)
      const { access, permission } = route.config ?? {}
      return [route.method].flat().map((method) => ({ method, url: route.url, access: permission === undefined ? access! : 'operator' as const, permission }))
    })
    if (faults.length > 0) throw new Error(`Routes without a sound declaration of who may call them:\n${faults.join('\n')}`)
    return (table = found)
  }
  app.decorate('accessTable', collect)
  app.addHook('onReady', async () => { collect() })
}

function faultIn ({ config, url }: RouteOptions): string | undefined {
  const { access, permission, guard } = config ?? {}
  if (access === undefined && permission === undefined) return 'declares neither access nor a permission'
  if (access !== undefined && permission !== undefined) return 'declares both access and a permission'
  const wanted = permission !== undefined ? 'operator' : access === 'agent' || access === 'partner' ? access : undefined
  if (wanted !== guard) return `declares ${permission ?? access}, and is let in as ${guard ?? 'anybody'}`
  if (permission === undefined) return undefined
  if (!Object.hasOwn(PERMISSIONS, permission)) return `asks for ${permission}, which is no permission`
  const isOfTenant = url.includes('/:tenantId')
  if ((scopeOf(permission) === 'tenant') !== isOfTenant) return `asks for ${permission}, which is about ${scopeOf(permission) === 'tenant' ? 'one tenant, and names none' : 'no tenant, and names one'}`
  return undefined
}
