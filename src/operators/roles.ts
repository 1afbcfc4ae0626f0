/** Operators' roles from least to most (contract, "Operators"). */
const RANKS = ['viewer', 'analyst', 'admin', 'platform-admin'] as const
/** And one beside them: whoever receives shared signals, and may do nothing else. */
export const ROLES = [...RANKS, 'ssf-receiver'] as const
export type Role = (typeof ROLES)[number]

/** What a route may ask for, and the least role that has it; or the one that has it, where that stands beside the others. */
export const PERMISSIONS = {
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
  'enrollment:manage': 'admin',
  'connector:manage': 'admin',
  'signals:manage': 'admin',
  // The scopes ssf.read and ssf.manage of the Shared Signals Framework.
  'ssf:read': 'ssf-receiver',
  'ssf:manage': 'ssf-receiver',
  'audit:read': 'admin',
  'intel:read': 'platform-admin',
  'intel:write': 'platform-admin',
  'tenant:manage': 'platform-admin',
  'platform-audit:read': 'platform-admin',
  'upkeep:read': 'platform-admin'
} as const satisfies Record<string, Role>
export type Permission = keyof typeof PERMISSIONS

export function hasPermission (role: Role, permission: Permission): boolean {
  const needed: Role = PERMISSIONS[permission]
  if (role === 'ssf-receiver' || needed === 'ssf-receiver') return role === needed
  return RANKS.indexOf(role) >= RANKS.indexOf(needed)
}

/** Who operates: an API key's holder. `tenantId` null: the whole platform. */
export interface Operator {
  /** The API key's id: names may repeat. */
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly tenantId: string | null
}
