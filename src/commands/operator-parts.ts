import { readFile } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import { type Config, entraTenantOf } from '../config.js'
import { ProviderKeysUnavailableError } from '../errors.js'
import type { AppOptions } from '../http/app.js'
import { entraPlace } from '../identity/entra-keys.js'
import { createIssuerKeys, fetchIssuerKeys } from '../identity/issuer-keys.js'
import { createTenantLookup } from '../identity/tenant-lookup.js'
import { createHttpsAgent } from '../intune/https-agent.js'
import { describeError } from '../intune/intune-error.js'
import type { InstallationDeps } from '../onboarding/doctor/diagnose-installation.js'
import { createOperatorLookup } from '../operators/find-operator.js'
import { hasGrantsFrom } from '../operators/grants.js'
import { createRefusals } from '../operators/sign-in/refusals.js'
import { DEFAULT_ROLE_MAP, parseRoleMap } from '../operators/sign-in/role-map.js'
import { createSessions } from '../operators/sign-in/sessions.js'
import { createEntraProvider, createIssuerProvider, issuerPlace, type TokenProvider } from '../operators/sign-in/token-provider.js'
import { createTokenLookup } from '../operators/sign-in/verify-operator.js'
import { hasTenant } from '../operators/tenants.js'
import type { Database } from '../platform/database.js'
import type { Installation } from './installation.js'

/** How operators get in: with API keys, and with their provider's tokens where one is configured. */
export async function operatorPartsOf (installation: Installation): Promise<AppOptions['operatorAuth']> {
  const { config, db, log, lifecycle } = installation
  const refusals = createRefusals({ db, log })
  lifecycle.onStop('refused sign-ins', async () => await refusals.close())
  return {
    findOperator: createOperatorLookup(db),
    verifyToken: config.OIDC_AUDIENCE === undefined ? undefined : await tokenLookupOf(installation, config.OIDC_AUDIENCE),
    hasTenant: async (tenantId) => await hasTenant({ db }, tenantId),
    sessions: createSessions({ db }),
    refusals
  }
}

/** The provider's issuer where operators do not sign in with Entra. */
export const issuerOf = (config: Config): string | undefined => onlyTenantOf(config) === undefined ? config.OIDC_ISSUER : undefined

async function tokenLookupOf ({ config, db, log, lifecycle }: Installation, audiences: string): Promise<ReturnType<typeof createTokenLookup>> {
  const agent = await agentOf(config)
  lifecycle.onStop('the sign-in provider\'s keys', async () => await agent.close())
  return createTokenLookup({
    db,
    keys: createIssuerKeys({ agent, log, unavailable: () => new ProviderKeysUnavailableError() }),
    provider: providerOf(config, db),
    audiences: audiences.split(','),
    allowedClients: config.OIDC_CLIENTS?.split(',') ?? [],
    roleMap: config.OIDC_ROLE_MAP === undefined ? DEFAULT_ROLE_MAP : parseRoleMap(config.OIDC_ROLE_MAP),
    rolesClaims: config.OIDC_ROLES_CLAIM.split(','),
    groupsClaims: config.OIDC_GROUPS_CLAIM.split(',')
  })
}

/** Asks for the keys of all directories that the configuration names. Undefined: operators come with API keys only. */
export function signInProbeOf (config: Config): InstallationDeps['askSignIn'] {
  if (config.OIDC_AUDIENCE === undefined) return undefined
  const issuer = issuerOf(config)
  const places = issuer === undefined ? homeTenantsOf(config).map((tenant) => entraPlace(config.ENTRA_AUTHORITY_HOST, tenant, '2.0')) : [issuerPlace(issuer)]
  return async () => {
    const agent = await agentOf(config)
    try {
      return await Promise.all(places.map(async (place) => await fetchIssuerKeys(agent, place)
        .then(() => ({ metadataUrl: place.metadataUrl, error: undefined }), (error: unknown) => ({ metadataUrl: place.metadataUrl, error: describeError(error) }))))
    } finally {
      await agent.close()
    }
  }
}

async function agentOf (config: Config): Promise<ReturnType<typeof createHttpsAgent>> {
  const caFile = config.OIDC_CA_FILE ?? config.INTUNE_CA_FILE
  return createHttpsAgent({
    // Other providers than Entra have their keys on hosts that their metadata name.
    allowedHosts: issuerOf(config) === undefined ? [new URL(config.ENTRA_AUTHORITY_HOST).hostname] : 'any',
    ...(caFile === undefined ? {} : { extraCaPem: await readFile(caFile, 'utf8') })
  })
}

/** The one Entra tenant that may sign in, where one is named. */
const onlyTenantOf = ({ OIDC_ISSUER, ENTRA_AUTHORITY_HOST }: Config): string | undefined => OIDC_ISSUER === undefined ? undefined : entraTenantOf(ENTRA_AUTHORITY_HOST, OIDC_ISSUER)

function homeTenantsOf (config: Config): string[] {
  const only = onlyTenantOf(config)
  return only === undefined ? config.OIDC_PLATFORM_TENANTS?.split(',') ?? [] : [only]
}

function providerOf (config: Config, db: Database): TokenProvider {
  const issuer = issuerOf(config)
  if (issuer !== undefined) return createIssuerProvider({ issuer, algorithms: config.OIDC_ALGORITHMS.split(','), scope: config.OIDC_SCOPE })
  return createEntraProvider({
    authorityHost: config.ENTRA_AUTHORITY_HOST,
    homeTenants: homeTenantsOf(config),
    only: onlyTenantOf(config),
    scope: config.OIDC_SCOPE ?? 'access_as_user',
    findTenantId: createTenantLookup({ db }),
    isGuest: rememberingGuests(db)
  })
}

/** Whoever was let in a moment ago waits no longer than this. */
const STRANGER_FOR_MS = 10_000
const GUEST_FOR_MS = 60_000
const MAX_DIRECTORIES = 10_000

/** Tokens of strangers must not become questions to the database. */
function rememberingGuests (db: Database): (entraTenantId: string) => Promise<boolean> {
  const known = new LRUCache<string, { readonly isGuest: boolean }>({ max: MAX_DIRECTORIES })
  return async (entraTenantId) => {
    const found = known.get(entraTenantId)
    if (found !== undefined) return found.isGuest
    const isGuest = await hasGrantsFrom(db, entraTenantId)
    known.set(entraTenantId, { isGuest }, { ttl: isGuest ? GUEST_FOR_MS : STRANGER_FOR_MS })
    return isGuest
  }
}
