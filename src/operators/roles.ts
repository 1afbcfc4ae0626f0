/** Roles from least to most (contract, "Operators"). */
export const ROLES = ['viewer', 'analyst', 'admin', 'platform-admin'] as const
export type Role = (typeof ROLES)[number]

/** What a route may ask for, and the least role that has it. */
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
  'audit:read': 'admin',
  'intel:read': 'platform-admin',
  'intel:write': 'platform-admin',
  'tenant:manage': 'platform-admin',
  'platform-audit:read': 'platform-admin'
} as const satisfies Record<string, Role>
export type Permission = keyof typeof PERMISSIONS

export function hasPermission (role: Role, permission: Permission): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(PERMISSIONS[permission])
}

/** Who operates: an API key's holder. `tenantId` null: the whole platform. */
export interface Operator {
  /** The API key's id: names may repeat. */
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly tenantId: string | null
}
