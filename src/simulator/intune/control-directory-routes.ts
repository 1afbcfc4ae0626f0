import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ControlError } from './control-errors.js'
import { GroupParams, GroupSeedSchema, MemberParams, RemovalQuery, TenantParams, UserParams, UserSeedSchema } from './control-schemas.js'
import { addMember, removeGroup, removeMember, removeUser, upsertGroup, upsertUser } from './directory.js'
import { findTenant } from './control-scope.js'
import type { Group, Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'

/** `/_sim/tenants/{t}/users` and `/groups`: people come, move and leave one at a time, as change tracking is to tell. */
export const directoryControlRoutes: FastifyPluginAsyncTypebox<{ readonly store: TenantStore }> = async (app, { store }) => {
  const findGroup = (tenant: Tenant, groupId: string): Group => {
    const group = tenant.groups.get(groupId.toLowerCase())
    if (group === undefined) throw new ControlError(404, 'group-not-found', `Group ${groupId} is not in tenant ${tenant.id}.`)
    return group
  }
  const presentGroup = ({ id, displayName, kind, members }: Group): unknown => ({ id, displayName, kind, members: [...members.keys()] })

  app.put('/tenants/:tenantId/users/:userId', { schema: { params: UserParams, body: UserSeedSchema } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    const user = upsertUser(tenant, request.params.userId, request.body)
    store.reevaluate(tenant)
    return user
  })
  app.delete('/tenants/:tenantId/users/:userId', { schema: { params: UserParams, querystring: RemovalQuery } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    if (!removeUser(tenant, request.params.userId, request.query.permanent === 'false' ? 'changed' : 'deleted')) {
      throw new ControlError(404, 'user-not-found', `User ${request.params.userId} is not in tenant ${tenant.id}.`)
    }
    store.reevaluate(tenant)
    return await reply.code(204).send()
  })

  app.get('/tenants/:tenantId/groups', { schema: { params: TenantParams } }, async (request) =>
    ({ items: [...findTenant(store, request.params.tenantId).groups.values()].map(presentGroup) }))
  app.put('/tenants/:tenantId/groups/:groupId', { schema: { params: GroupParams, body: GroupSeedSchema } }, async (request) => {
    const tenant = findTenant(store, request.params.tenantId)
    const group = upsertGroup(tenant, request.params.groupId, request.body)
    store.reevaluate(tenant)
    return presentGroup(group)
  })
  app.delete('/tenants/:tenantId/groups/:groupId', { schema: { params: GroupParams, querystring: RemovalQuery } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    removeGroup(tenant, findGroup(tenant, request.params.groupId).id, request.query.permanent === 'false' ? 'changed' : 'deleted')
    store.reevaluate(tenant)
    return await reply.code(204).send()
  })
  app.put('/tenants/:tenantId/groups/:groupId/members/:memberId', { schema: { params: MemberParams } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    addMember(tenant, findGroup(tenant, request.params.groupId), request.params.memberId)
    store.reevaluate(tenant)
    return await reply.code(204).send()
  })
  app.delete('/tenants/:tenantId/groups/:groupId/members/:memberId', { schema: { params: MemberParams } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    if (!removeMember(tenant, findGroup(tenant, request.params.groupId), request.params.memberId)) {
      throw new ControlError(404, 'member-not-found', `${request.params.memberId} is not a member of group ${request.params.groupId}.`)
    }
    store.reevaluate(tenant)
    return await reply.code(204).send()
  })
}
