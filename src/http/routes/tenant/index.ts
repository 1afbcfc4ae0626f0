import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Database } from '../../../platform/database.js'
import { type TenantAccessRoutesOptions, tenantAccessRoutes } from '../access.js'
import { auditRoutes } from './audit.js'
import { connectorRoutes, type ConnectorRoutesOptions } from './connector.js'
import { devicesRoutes, type DevicesRoutesOptions } from './devices.js'
import { enrollmentTokensRoutes } from './enrollment-tokens.js'
import { findingsRoutes, type FindingsRoutesOptions } from './findings.js'
import { ingestRoutes, type IngestRoutesOptions } from './ingest.js'
import { tenantOnboardingRoutes, type TenantOnboardingRoutesOptions } from './onboarding.js'
import { privacyRoutes } from './privacy.js'
import { policyRoutes, type PolicyRoutesOptions } from './policy.js'
import { reconciliationRoutes, type ReconciliationRoutesOptions } from './reconciliation.js'
import { signalDestinationsRoutes, type SignalDestinationsRoutesOptions } from './signal-destinations.js'
import { suppressionsRoutes } from './suppressions.js'

export interface TenantRoutesOptions extends FindingsRoutesOptions {
  readonly policy: PolicyRoutesOptions
  readonly db: Database
  readonly devices: DevicesRoutesOptions
  readonly connector: ConnectorRoutesOptions & ReconciliationRoutesOptions
  readonly onboarding: TenantOnboardingRoutesOptions
  readonly journal: IngestRoutesOptions['journal']
  readonly signals: SignalDestinationsRoutesOptions
  readonly access: TenantAccessRoutesOptions
}

/** Everything below `/v1/tenants/{tenantId}`, behind the operators' authentication. */
export const tenantRoutes: FastifyPluginAsyncTypebox<TenantRoutesOptions> = async (app, { db, scoring, policy, devices, connector, onboarding, journal, signals, access }) => {
  await app.register(devicesRoutes, devices)
  await app.register(privacyRoutes, devices)
  await app.register(findingsRoutes, { db, scoring })
  await app.register(ingestRoutes, { db, journal })
  await app.register(policyRoutes, policy)
  await app.register(suppressionsRoutes, devices)
  await app.register(enrollmentTokensRoutes, { db })
  await app.register(connectorRoutes, connector)
  await app.register(tenantOnboardingRoutes, onboarding)
  await app.register(reconciliationRoutes, connector)
  await app.register(signalDestinationsRoutes, signals)
  await app.register(tenantAccessRoutes, access)
  await app.register(auditRoutes, { db })
}
