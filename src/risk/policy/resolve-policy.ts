import type { Platform } from '../../telemetry/device-state.js'
import type { PolicyDocument, PolicyGroup } from './document.js'
import { overlay, type PolicyPart } from './overlay.js'
import { BUILT_IN_POLICY, type Policy } from './policy.js'

/** What groups of a policy go by. */
export interface PhoneAttributes {
  readonly platform: Platform
  readonly ownership: 'corporate' | 'personal' | null
  readonly tags: readonly string[]
  /** Entra groups of the phone or its user: object ids or names. */
  readonly entraGroups: readonly string[]
}

export interface ResolvedPolicy {
  readonly policy: Policy
  /** Groups that the phone is in, in the document's order. */
  readonly groups: readonly string[]
}

const NO_GROUPS: readonly string[] = []
const BUILT_IN: ResolvedPolicy = { policy: BUILT_IN_POLICY, groups: NO_GROUPS }

/** The same object for all phones in the same groups of one version: detections remember by it. */
const resolved = new WeakMap<PolicyDocument, Map<string, ResolvedPolicy>>()

/**
 * The policy of a phone: the built-in one, the tenant's over it, then each group that the phone is in, in the
 * document's order, each over what it extends. Null: the tenant has none of its own. The document must have
 * passed `checkPolicyDocument`.
 */
export function resolvePolicy (document: PolicyDocument | null, version: number, phone: PhoneAttributes): ResolvedPolicy {
  if (document === null) return BUILT_IN
  const groups = (document.groups ?? []).filter(({ match }) => match !== undefined && isIn(phone, match)).map(({ name }) => name)
  const key = `${version} ${groups.join('\n')}`
  let byGroups = resolved.get(document)
  if (byGroups === undefined) resolved.set(document, byGroups = new Map())
  let answer = byGroups.get(key)
  if (answer === undefined) byGroups.set(key, answer = resolve(document, version, groups))
  return answer
}

function resolve (document: PolicyDocument, version: number, groups: readonly string[]): ResolvedPolicy {
  const { version: _, groups: all = [], ...base } = document
  const byName = new Map(all.map((group) => [group.name, group]))
  const layers = groups.flatMap((name) => withExtended(byName.get(name)!, byName))
  const policy = [...new Set(layers)].reduce<Policy>((beneath, { policy = {} }) => overlay(beneath, policy as PolicyPart), overlay(BUILT_IN_POLICY, base as PolicyPart))
  return { policy: { ...policy, version }, groups: groups.length === 0 ? NO_GROUPS : groups }
}

/** A group after all that it extends. */
function withExtended (group: PolicyGroup, byName: ReadonlyMap<string, PolicyGroup>): PolicyGroup[] {
  const base = group.extends === undefined ? undefined : byName.get(group.extends)
  return base === undefined ? [group] : [...withExtended(base, byName), group]
}

/** All that is named must fit; of a list, any one. Nothing named: nobody, the group is there to be extended. */
function isIn (phone: PhoneAttributes, { platform, ownership, tags, entraGroups }: NonNullable<PolicyGroup['match']>): boolean {
  if (platform === undefined && ownership === undefined && tags === undefined && entraGroups === undefined) return false
  if (platform !== undefined && !platform.includes(phone.platform)) return false
  if (ownership !== undefined && phone.ownership !== ownership) return false
  if (tags !== undefined && !tags.some((tag) => phone.tags.includes(tag))) return false
  return entraGroups === undefined || entraGroups.some((group) => phone.entraGroups.includes(group))
}
