/** Operators' roles from least to most (contract, "Operators"). */
export const RANKS = ['viewer', 'analyst', 'admin', 'platform-admin'] as const
export type Rank = (typeof RANKS)[number]
/** And one beside them: whoever receives shared signals, and may do nothing else. Only API keys have it. */
export const ROLES = [...RANKS, 'ssf-receiver'] as const
export type Role = (typeof ROLES)[number]

/**
 * What a route may ask for, and the least role that has it; or the one that has it, where that stands
 * beside the others. What platform-admin is the least role for is about the whole platform, all else
 * about one tenant. Null: every operator has it, also one without any role.
 */
export const PERMISSIONS = {
  'self:read': null,
  'fleet:read': 'viewer',
  'policy:preview': 'analyst',
  'device:reassess': 'analyst',
  'device:describe': 'analyst',
  'suppression:write': 'analyst',
  'quarantine:retry': 'analyst',
  'dead-letter:resend': 'analyst',
  'policy:write': 'admin',
  'device:revoke': 'admin',
  'telemetry:ingest': 'admin',
  'device:erase': 'admin',
  'device:export': 'admin',
  'enrollment:manage': 'admin',
  'connector:manage': 'admin',
  'signals:manage': 'admin',
  // Who else gets in: grants and API keys.
  'access:manage': 'admin',
  // The scopes ssf.read and ssf.manage of the Shared Signals Framework.
  'ssf:read': 'ssf-receiver',
  'ssf:manage': 'ssf-receiver',
  'audit:read': 'admin',
  'intel:read': 'platform-admin',
  'intel:write': 'platform-admin',
  'tenant:manage': 'platform-admin',
  'platform-audit:read': 'platform-admin',
  'upkeep:read': 'platform-admin',
  'platform-access:manage': 'platform-admin'
} as const satisfies Record<string, Role | null>
export type Permission = keyof typeof PERMISSIONS

/** What a permission is about: one tenant, which the address names; the platform; or the caller alone. */
export type PermissionScope = 'tenant' | 'platform' | 'self'

export function scopeOf (permission: Permission): PermissionScope {
  const needed = PERMISSIONS[permission]
  if (needed === null) return 'self'
  return needed === 'platform-admin' ? 'platform' : 'tenant'
}

export function hasPermission (role: Role, permission: Permission): boolean {
  const needed: Role | null = PERMISSIONS[permission]
  if (needed === null) return true
  if (role === 'ssf-receiver' || needed === 'ssf-receiver') return role === needed
  return RANKS.indexOf(role) >= RANKS.indexOf(needed)
}

/** Whether `text` names a permission, of those that `role` has. */
export const isPermissionOf = (role: Role, text: string): text is Permission => Object.hasOwn(PERMISSIONS, text) && hasPermission(role, text as Permission)
