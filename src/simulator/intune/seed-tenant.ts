import { randomUUID, X509Certificate } from 'node:crypto'
import { ChangeTracker } from './change-tracking.js'
import { type CompliancePolicy, policyTypesFor } from './compliance-policy.js'
import { applyConnectorBody, newConnector } from './connector.js'
import type { TenantSeed } from './control-schemas.js'
import { DEFAULT_PARTNER_ENTITY, type PartnerEntityOptions } from './partner-entity.js'
import { removeGroup, upsertGroup, upsertUser } from './directory.js'
import type { Client, Tenant } from './tenant.js'
import { PLATFORMS, RESOURCES } from './vocabulary.js'

/** Microsoft gives every partner a fixed connector id; this one belongs to nobody. */
const DEFAULT_CONNECTOR_ID = '5a11ab0e-0000-4000-8000-00000000c0de'
const DEFAULT_PROCESSING_DELAY_MS = 20

export interface TenantDefaults {
  readonly entity: PartnerEntityOptions
  readonly processingDelayMs: number
}

export const DEFAULT_TENANT: TenantDefaults = { entity: DEFAULT_PARTNER_ENTITY, processingDelayMs: DEFAULT_PROCESSING_DELAY_MS }

/** A seed that is well-formed and still makes no sense. */
export class SeedError extends Error {}

/**
 * An empty tenant as an administrator would find it, but for two things that make it useful at
 * once: a compliance policy that allows `low`, and Conditional Access on every resource.
 */
export function newTenant (id: string, defaults: TenantDefaults, nowMs: number): Tenant {
  const tenant: Tenant = {
    id: id.toLowerCase(),
    displayName: 'Contoso (simulated)',
    clients: new Map(),
    users: new Map(),
    groups: new Map(),
    changes: new ChangeTracker(),
    deltaDuplicates: false,
    connectorId: DEFAULT_CONNECTOR_ID,
    connectors: new Map([[DEFAULT_CONNECTOR_ID, newConnector(DEFAULT_CONNECTOR_ID)]]),
    setupComplete: true,
    policies: new Map(),
    apps: new Map(),
    appConfigurations: new Map(),
    conditionalAccess: [{ displayName: 'Require a compliant device', resources: RESOURCES }],
    secureByDefault: false,
    anyUserId: randomUUID(),
    servicePrincipalId: randomUUID(),
    entity: defaults.entity,
    processingDelayMs: defaults.processingDelayMs,
    devices: new Map(),
    devicesByIntuneId: new Map(),
    threatCounts: new Map(),
    messages: new Map(),
    messageCounts: { received: 0, completed: 0, failed: 0, updatesApplied: 0, updatesStale: 0 },
    waiters: new Set()
  }
  upsertUser(tenant, tenant.anyUserId, { userPrincipalName: 'someone@contoso.example', displayName: 'Someone' })
  setPolicies(tenant, [{ displayName: 'Device threat level low', limit: 'low' }], nowMs)
  return tenant
}

/**
 * Changes what the seed names and leaves the rest: a list given replaces the old one, devices
 * and their states stay. @throws SeedError before anything is changed
 */
export function applyTenantSeed (tenant: Tenant, seed: TenantSeed, nowMs: number): void {
  const clients = seed.clients?.map(toClient)
  if (seed.displayName !== undefined) tenant.displayName = seed.displayName
  if (clients !== undefined) {
    // The service principal outlives a new seed, as it outlives a new secret.
    tenant.clients = new Map(clients.map((client) => [client.clientId, { ...client, objectId: tenant.clients.get(client.clientId)?.objectId ?? client.objectId }]))
  }
  for (const { id, ...details } of seed.users ?? []) upsertUser(tenant, id, details)
  if (seed.groups !== undefined) {
    const wanted = new Set(seed.groups.map(({ id }) => id.toLowerCase()))
    for (const id of [...tenant.groups.keys()]) if (!wanted.has(id)) removeGroup(tenant, id, 'deleted')
    for (const { id, ...details } of seed.groups) upsertGroup(tenant, id, details)
  }
  if (seed.policies !== undefined) setPolicies(tenant, seed.policies, nowMs)
  if (seed.conditionalAccess !== undefined) {
    tenant.conditionalAccess = seed.conditionalAccess.map(({ displayName, resources, groups }) => ({
      displayName: displayName ?? 'Require a compliant device', resources, ...(groups === undefined ? {} : { groups: groups.map((id) => id.toLowerCase()) })
    }))
  }
  if (seed.deltaDuplicates !== undefined) tenant.deltaDuplicates = seed.deltaDuplicates
  if (seed.secureByDefault !== undefined) tenant.secureByDefault = seed.secureByDefault
  if (seed.connector !== undefined) setConnector(tenant, seed.connector, nowMs)
  if (seed.partner?.processingDelayMs !== undefined) tenant.processingDelayMs = seed.partner.processingDelayMs
  if (seed.partner?.entity !== undefined) {
    const { entityType, fields, values, appSync } = seed.partner.entity
    const known = tenant.entity.appSync
    tenant.entity = {
      entityType: entityType ?? tenant.entity.entityType,
      fields: { ...tenant.entity.fields, ...fields },
      values: { ...tenant.entity.values, ...values },
      appSync: {
        requestType: appSync?.requestType ?? known.requestType,
        answerType: appSync?.answerType ?? known.answerType,
        fields: { ...known.fields, ...appSync?.fields }
      }
    }
  }
}

function setPolicies (tenant: Tenant, seeds: NonNullable<TenantSeed['policies']>, nowMs: number): void {
  tenant.policies = new Map(seeds.flatMap((seed) => policyTypesFor(seed.platforms ?? PLATFORMS).map((type, index): [string, CompliancePolicy] => {
    const id = index === 0 && seed.id !== undefined ? seed.id.toLowerCase() : randomUUID()
    return [id, {
      id,
      type,
      displayName: seed.displayName ?? `Device threat level ${seed.limit}`,
      description: null,
      version: 1,
      createdAtMs: nowMs,
      modifiedAtMs: nowMs,
      threatEnabled: true,
      limit: seed.limit,
      gracePeriodHours: seed.gracePeriodHours ?? 0,
      settings: {},
      scheduledActions: [],
      assignments: seed.groups === undefined
        ? [{ kind: 'allLicensedUsersAssignmentTarget' }]
        : seed.groups.map((groupId) => ({ kind: 'groupAssignmentTarget', groupId: groupId.toLowerCase() }))
    }]
  })))
}

function setConnector (tenant: Tenant, seed: NonNullable<TenantSeed['connector']>, nowMs: number): void {
  const id = seed.id?.toLowerCase() ?? tenant.connectorId
  const connector = tenant.connectors.get(id) ?? newConnector(id)
  if (id !== tenant.connectorId) tenant.connectors.delete(tenant.connectorId)
  tenant.connectorId = id
  tenant.connectors.set(id, connector)
  applyConnectorBody(connector, seed)
  if (seed.setupComplete !== undefined) tenant.setupComplete = seed.setupComplete
  if (seed.provisioned !== undefined) {
    connector.provisioning = seed.provisioned ? 'provisioned' : 'never'
    if (seed.provisioned) connector.lastHeartbeatAtMs ??= nowMs
  }
  if (seed.lastHeartbeatDateTime !== undefined) connector.lastHeartbeatAtMs = Date.parse(seed.lastHeartbeatDateTime)
}

function toClient (seed: NonNullable<TenantSeed['clients']>[number]): Client {
  return {
    clientId: seed.clientId.toLowerCase(),
    displayName: seed.displayName ?? 'Partner application',
    secrets: seed.secret === undefined ? [] : [seed.secret],
    certificates: seed.certificatePem === undefined ? [] : [parseCertificate(seed.certificatePem, seed.clientId)],
    roles: { graph: seed.roles.graph ?? [], intune: seed.roles.intune ?? [] },
    consented: seed.consented ?? true,
    objectId: randomUUID()
  }
}

function parseCertificate (pem: string, clientId: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new SeedError(`certificatePem of client ${clientId} is not a certificate`)
  }
}
