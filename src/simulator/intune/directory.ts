import type { RemovalReason } from './change-tracking.js'
import type { Group, Tenant, User } from './tenant.js'

export type UserDetails = Partial<Pick<User, 'userPrincipalName' | 'displayName' | 'mail' | 'accountEnabled' | 'licensed'>>

/** Makes the user or changes what is named of it; a deleted user is there again. */
export function upsertUser (tenant: Tenant, userId: string, details: UserDetails = {}): User {
  const id = userId.toLowerCase()
  const existing = tenant.users.get(id)
  const userPrincipalName = details.userPrincipalName ?? existing?.userPrincipalName ?? `${id}@contoso.example`
  const user: User = {
    id,
    userPrincipalName,
    displayName: details.displayName ?? existing?.displayName ?? id,
    mail: details.mail ?? existing?.mail ?? userPrincipalName,
    accountEnabled: details.accountEnabled ?? existing?.accountEnabled ?? true,
    licensed: details.licensed ?? existing?.licensed ?? true,
    change: tenant.changes.next()
  }
  tenant.changes.restore('users', id)
  tenant.users.set(id, user)
  return user
}

/** Someone the seed names without describing: made once, and not when it was deleted before. */
export function ensureUser (tenant: Tenant, userId: string): void {
  if (!tenant.users.has(userId) && !tenant.changes.isRemoved('users', userId)) upsertUser(tenant, userId)
}

/** The user leaves, and with it the memberships; the phones stay enrolled without a user. */
export function removeUser (tenant: Tenant, userId: string, reason: RemovalReason): boolean {
  const id = userId.toLowerCase()
  if (!tenant.users.delete(id)) return false
  tenant.changes.remove('users', id, reason)
  for (const group of tenant.groups.values()) removeMember(tenant, group, id)
  return true
}

export interface GroupDetails {
  readonly displayName?: string
  readonly kind?: Group['kind']
  /** Absent: stay as they are. */
  readonly members?: readonly string[]
}

export function upsertGroup (tenant: Tenant, groupId: string, { displayName, kind, members }: GroupDetails): Group {
  const id = groupId.toLowerCase()
  const existing = tenant.groups.get(id)
  const group: Group = existing ?? { id, displayName: displayName ?? id, kind: kind ?? 'user', members: new Map(), left: new Map(), change: 0 }
  if (displayName !== undefined) group.displayName = displayName
  if (kind !== undefined) group.kind = kind
  group.change = tenant.changes.next()
  tenant.changes.restore('groups', id)
  tenant.groups.set(id, group)
  if (members !== undefined) {
    const wanted = new Set(members.map((member) => member.toLowerCase()))
    for (const member of [...group.members.keys()]) if (!wanted.has(member)) removeMember(tenant, group, member)
    for (const member of wanted) addMember(tenant, group, member)
  }
  return group
}

export function removeGroup (tenant: Tenant, groupId: string, reason: RemovalReason): boolean {
  const id = groupId.toLowerCase()
  if (!tenant.groups.delete(id)) return false
  tenant.changes.remove('groups', id, reason)
  return true
}

/** @returns whether it was no member before */
export function addMember (tenant: Tenant, group: Group, memberId: string): boolean {
  const id = memberId.toLowerCase()
  if (group.members.has(id)) return false
  if (group.kind === 'user') ensureUser(tenant, id)
  group.left.delete(id)
  group.members.set(id, tenant.changes.next())
  return true
}

/** @returns whether it was a member */
export function removeMember (tenant: Tenant, group: Group, memberId: string): boolean {
  const id = memberId.toLowerCase()
  if (!group.members.delete(id)) return false
  group.left.set(id, tenant.changes.next())
  return true
}
