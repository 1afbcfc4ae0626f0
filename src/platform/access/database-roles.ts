/**
 * Roles of the database, one for each kind of work. Nobody logs in as one: whoever connects
 * takes it on (docs/decisions/0025-row-level-security.md).
 */
export const ROLE_KINDS = ['api', 'worker', 'operator', 'partner', 'platform'] as const
export type RoleKind = typeof ROLE_KINDS[number]

/** These see one tenant's rows, that of the transaction. The others see all. */
export const TENANT_ROLES: readonly RoleKind[] = ['operator', 'partner']

export const DEFAULT_ROLE_PREFIX = 'sallyport'

export const roleName = (kind: RoleKind, prefix = DEFAULT_ROLE_PREFIX): string => `${prefix}_${kind}`

/**
 * The address of the database, for connections that start with these settings; what it sets
 * already stays. Values must need no quotes.
 */
export function withSessionSettings (databaseUrl: string, settings: Readonly<Record<string, string>>): string {
  const wanted = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(' ')
  const present = /([?&]options=)([^&#]*)/.exec(databaseUrl)
  if (present !== null) return databaseUrl.replace(present[0], `${present[1]}${present[2]}${encodeURIComponent(` ${wanted}`)}`)
  return `${databaseUrl}${databaseUrl.includes('?') ? '&' : '?'}options=${encodeURIComponent(wanted)}`
}

/** The address at a pooler whose databases are named after roles, and whose connections are in them already. */
export const atPooler = (poolerUrl: string, kind: RoleKind, prefix?: string): string => poolerUrl.replaceAll('{role}', roleName(kind, prefix))

/** The address of the database, for connections in a role. Whoever logs in must be its member. */
export const asRole = (databaseUrl: string, kind: RoleKind, prefix?: string): string => withSessionSettings(databaseUrl, { role: roleName(kind, prefix) })
