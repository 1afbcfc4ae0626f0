import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { INTUNE_SKU_ID } from './graph-directory.js'
import { type GraphRoutesOptions, resourceNotFound } from './graph-scope.js'
import { toGuid } from './guid.js'
import { originOf } from './odata.js'
import type { ConditionalAccessPolicy, Tenant } from './tenant.js'
import { type Resource, RESOURCES } from './vocabulary.js'

const POLICY_ROLES = ['Policy.Read.All', 'Policy.ReadWrite.ConditionalAccess']
const ORGANIZATION_ROLES = ['Organization.Read.All', 'Organization.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All']
/** The part of the product that is Intune itself. */
const INTUNE_PLAN_ID = 'c1ec4a95-1f05-45b3-a911-aa3fa01094f5'

/** Applications of Conditional Access that stand for the resources; the others are applications of the company's own. */
const APPLICATIONS: Readonly<Partial<Record<Resource, string>>> = {
  exchange: '00000002-0000-0ff1-ce00-000000000000', sharepoint: '00000003-0000-0ff1-ce00-000000000000', onedrive: '00000003-0000-0ff1-ce00-000000000000'
}

/** What hints whether a verdict has consequences: Conditional Access, licences, who manages the devices. */
export const tenantRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { version }) => {
  const context = (request: FastifyRequest, path: string): string => `${originOf(request)}/${version}/$metadata#${path}`

  app.get('/identity/conditionalAccess/policies', { config: { roles: POLICY_ROLES } }, async (request) =>
    ({ '@odata.context': context(request, 'identity/conditionalAccess/policies'), value: request.tenant.conditionalAccess.map((policy, index) => presentPolicy(request.tenant, policy, index)) }))
  app.get<{ Params: { id: string } }>('/identity/conditionalAccess/policies/:id', { config: { roles: POLICY_ROLES } }, async (request) => {
    const found = request.tenant.conditionalAccess.map((policy, index) => presentPolicy(request.tenant, policy, index)).find(({ id }) => id === request.params.id.toLowerCase())
    if (found === undefined) throw resourceNotFound(request.params.id)
    return { '@odata.context': context(request, 'identity/conditionalAccess/policies/$entity'), ...found }
  })

  app.get('/organization', { config: { roles: ORGANIZATION_ROLES } }, async (request) => {
    const { id, displayName, mdmAuthority } = request.tenant
    return { '@odata.context': context(request, 'organization'), value: [{ id, displayName, mobileDeviceManagementAuthority: mdmAuthority, tenantType: 'AAD' }] }
  })

  app.get('/subscribedSkus', { config: { roles: ORGANIZATION_ROLES } }, async (request) => {
    const { tenant } = request
    const consumed = [...tenant.users.values()].filter(({ licensed }) => licensed).length
    const product = {
      id: `${tenant.id}_${INTUNE_SKU_ID}`,
      accountId: tenant.id,
      accountName: tenant.displayName,
      appliesTo: 'User',
      capabilityStatus: 'Enabled',
      consumedUnits: consumed,
      prepaidUnits: { enabled: tenant.licences, suspended: 0, warning: 0, lockedOut: 0 },
      skuId: INTUNE_SKU_ID,
      skuPartNumber: 'INTUNE_A',
      subscriptionIds: [toGuid(`${tenant.id} subscription`)],
      servicePlans: [{ servicePlanId: INTUNE_PLAN_ID, servicePlanName: 'INTUNE_A', provisioningStatus: 'Success', appliesTo: 'User' }]
    }
    return { '@odata.context': context(request, 'subscribedSkus'), value: tenant.licences === 0 ? [] : [product] }
  })
}

function presentPolicy (tenant: Tenant, { displayName, resources, groups, state }: ConditionalAccessPolicy, index: number): Record<string, unknown> {
  const applications = RESOURCES.every((resource) => resources.includes(resource))
    ? ['All']
    : [...new Set(resources.map((resource) => APPLICATIONS[resource] ?? toGuid(`${tenant.id} application ${resource}`)))]
  return {
    id: toGuid(`${tenant.id} conditional access ${index}`),
    displayName,
    state,
    conditions: {
      clientAppTypes: ['all'],
      platforms: null,
      applications: { includeApplications: applications, excludeApplications: [], includeUserActions: [] },
      users: { includeUsers: groups === undefined ? ['All'] : [], excludeUsers: [], includeGroups: groups ?? [], excludeGroups: [] }
    },
    grantControls: { operator: 'OR', builtInControls: ['compliantDevice'], customAuthenticationFactors: [], termsOfUse: [] },
    sessionControls: null
  }
}
