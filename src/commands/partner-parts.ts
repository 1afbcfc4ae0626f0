import { readFile } from 'node:fs/promises'
import type { AppOptions } from '../http/app.js'
import { createEntraKeys } from '../identity/entra-keys.js'
import { createTenantLookup } from '../identity/tenant-lookup.js'
import { createHttpsAgent } from '../intune/https-agent.js'
import { type ChangeWaiter, createChangeWaiter } from '../partners/change-waiter.js'
import { verifyCaller, type VerifyCallerDeps } from '../partners/verify-caller.js'
import type { Installation } from './installation.js'

export interface PartnerParts {
  readonly options: AppOptions['partner']
  readonly waiter: ChangeWaiter
}

/** What relying parties are served with. Without PARTNER_API_AUDIENCE they are told that there is nothing. */
export async function partnerPartsOf (installation: Installation): Promise<PartnerParts> {
  const { config, db, dbAs, log } = installation
  const waiter = createChangeWaiter({ db, log })
  const shared = { db: dbAs('partner'), privacyMode: config.PRIVACY_MODE, waiter }
  if (config.PARTNER_API_AUDIENCE === undefined) return { waiter, options: { ...shared, verifyCaller: undefined } }
  const deps = await verifierOf(installation, config.PARTNER_API_AUDIENCE)
  return { waiter, options: { ...shared, verifyCaller: async (token) => await verifyCaller(deps, token) } }
}

async function verifierOf ({ config, db, log, lifecycle }: Installation, audiences: string): Promise<VerifyCallerDeps> {
  const agent = createHttpsAgent({
    allowedHosts: [new URL(config.ENTRA_AUTHORITY_HOST).hostname],
    ...(config.INTUNE_CA_FILE === undefined ? {} : { extraCaPem: await readFile(config.INTUNE_CA_FILE, 'utf8') })
  })
  lifecycle.onStop('Entra\'s keys', async () => await agent.close())
  return {
    keys: createEntraKeys({ authorityHost: config.ENTRA_AUTHORITY_HOST, agent, log }),
    audiences: audiences.split(','),
    allowedClients: config.PARTNER_API_CLIENTS?.split(',') ?? [],
    findTenantId: createTenantLookup({ db }),
    log
  }
}
