import { loadConfig } from '../config.js'
import { type ApiKeyView, createApiKey, listApiKeys, revokeApiKey, rotateApiKey } from '../operators/api-keys.js'
import { addGrant, listGrants, removeGrant, type StoredGrant } from '../operators/grants.js'
import { type Rank, RANKS, type Role, ROLES } from '../operators/roles.js'
import { ACTOR, inDays, print, requireGuid, type StoreOptions } from './administer.js'
import { withStore } from './open-database.js'
import { describeError } from './open-intel.js'
import { issuerOf } from './operator-parts.js'

/** What the command line calls a key that nobody named. */
const UNNAMED = 'made on the command line'
const HOUR_SECONDS = 60 * 60

/** `sallyport api-key create` */
export async function runCreateApiKey (options: StoreOptions & { role: string, tenant?: string[], permission?: string[], name: string, days: number }, env: NodeJS.ProcessEnv): Promise<void> {
  const { role, name, tenant: [tenantId, ...alsoIn] = [], permission: permissions } = options
  if (!isRole(role)) throw new Error(`--role must be one of ${ROLES.join(', ')}`)
  if (role === 'ssf-receiver' && name === UNNAMED) throw new Error('--name is needed: streams belong to the receiver of that name')
  for (const id of options.tenant ?? []) requireGuid('--tenant', id)
  await withStore(env, options.dataDir, async ({ db }) => print(await createApiKey({ db }, { role, name, tenantId, alsoIn, permissions, expiresAt: inDays(options.days), actor: ACTOR }).catch(fail)))
}

/** `sallyport api-key list` */
export async function runListApiKeys ({ dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => {
    const keys: ApiKeyView[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await listApiKeys({ db }, { limit: 500, cursor })
      keys.push(...page.items)
      cursor = page.nextCursor
    }
    print(keys)
  })
}

/** `sallyport api-key rotate` */
export async function runRotateApiKey (id: string, { graceHours, dataDir }: StoreOptions & { graceHours: number }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('the id', id)
  await withStore(env, dataDir, async ({ db }) => print(await rotateApiKey({ db }, { id, graceSeconds: graceHours * HOUR_SECONDS, actor: ACTOR }).catch(fail)))
}

/** `sallyport api-key revoke` */
export async function runRevokeApiKey (id: string, { dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('the id', id)
  await withStore(env, dataDir, async ({ db }) => print(await revokeApiKey({ db }, { id, actor: ACTOR }).catch(fail)))
}

interface PlaceOptions extends StoreOptions { tenant?: string, allTenants?: boolean }

/** `sallyport operator grant` */
export async function runAddGrant (options: PlaceOptions & { role: string, subject?: string, group?: string, directory?: string, label: string, days?: number }, env: NodeJS.ProcessEnv): Promise<void> {
  const { role, subject, group, directory, label, days } = options
  if (!(RANKS as readonly string[]).includes(role)) throw new Error(`--role must be one of ${RANKS.join(', ')}`)
  if ((subject === undefined) === (group === undefined)) throw new Error('either --subject or --group is needed')
  const tenantId = placeOf(options)
  await withStore(env, options.dataDir, async ({ db }) => print(await addGrant({ db, issuer: issuerOf(loadConfig(env)) }, {
    tenantId,
    role: role as Rank,
    directory,
    ...(subject === undefined ? { kind: 'group', value: group! } : { kind: 'subject', value: subject }),
    label,
    expiresAt: days === undefined ? undefined : inDays(days),
    actor: ACTOR
  }).catch(fail)))
}

/** `sallyport operator list` */
export async function runListGrants (options: PlaceOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const tenantId = placeOf(options)
  await withStore(env, options.dataDir, async ({ db }) => {
    const grants: StoredGrant[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await listGrants({ db }, { tenantId, limit: 500, cursor })
      grants.push(...page.items)
      cursor = page.nextCursor
    }
    print(grants)
  })
}

/** `sallyport operator remove` */
export async function runRemoveGrant (id: string, { dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('the id', id)
  await withStore(env, dataDir, async ({ db }) => {
    await removeGrant({ db }, { id, actor: ACTOR }).catch(fail)
    print({ id, removed: true })
  })
}

function placeOf ({ tenant, allTenants = false }: PlaceOptions): string | null {
  if ((tenant === undefined) !== allTenants) throw new Error('either --tenant or --all-tenants is needed')
  if (tenant !== undefined) requireGuid('--tenant', tenant)
  return tenant?.toLowerCase() ?? null
}

const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text)

/** Every fault in words. */
function fail (error: unknown): never {
  throw new Error(describeError(error))
}
