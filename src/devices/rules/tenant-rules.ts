import { LRUCache } from 'lru-cache'
import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { PolicyDocument } from '../../risk/policy/document.js'
import type { Policy } from '../../risk/policy/policy.js'
import { resolvePolicy, type PhoneAttributes } from '../../risk/policy/resolve-policy.js'
import type { Suppression } from '../../risk/suppression.js'
import { readPolicyDocumentOf } from './policy-repository.js'
import { listActiveSuppressions, type ScopedSuppression } from './suppression-repository.js'

/** What the phones of one tenant are judged by. */
export interface TenantRules {
  /** Of the policy's document; 0: the built-in policy alone. */
  readonly policyVersion: number
  /** Rises with every change of policy or suppressions. */
  readonly rulesVersion: number
  readonly document: PolicyDocument | null
  readonly suppressions: readonly ScopedSuppression[]
}

/** What one phone is judged by. */
export interface PhoneRules {
  readonly policy: Policy
  /** Groups of the policy that the phone is in. */
  readonly groups: readonly string[]
  readonly suppressions: readonly Suppression[]
  readonly policyVersion: number
  readonly rulesVersion: number
}

export interface TenantRulesReader {
  /** The rules of these tenants as they are stored at this moment. */
  read (db: Database | Tx, tenantIds: readonly string[]): Promise<ReadonlyMap<string, TenantRules>>
}

export const BUILT_IN_RULES: TenantRules = { policyVersion: 0, rulesVersion: 0, document: null, suppressions: [] }

const MAX_TENANTS = 1_000
const NONE: readonly Suppression[] = []

/** Reads tenants' rules; those that have not changed come from memory, at the cost of one small question. */
export function createTenantRules (): TenantRulesReader {
  const known = new LRUCache<string, TenantRules>({ max: MAX_TENANTS })
  return {
    async read (db, tenantIds) {
      const ids = [...new Set(tenantIds)]
      const { rows } = await sql<{ id: string, policy_version: number, rules_version: number }>`
        select id, policy_version, rules_version from tenant where id = any(${ids}::uuid[])`.execute(db)
      const found = new Map<string, TenantRules>()
      for (const { id, policy_version: policyVersion, rules_version: rulesVersion } of rows) {
        let rules = known.get(id)
        if (rules === undefined || rules.rulesVersion !== rulesVersion) {
          // The same object for the same version: what was worked out for it is remembered by it.
          const document = rules?.policyVersion === policyVersion ? rules.document : await readPolicyDocumentOf(db, id, policyVersion)
          rules = { policyVersion, rulesVersion, document, suppressions: await listActiveSuppressions(db, id) }
          known.set(id, rules)
        }
        found.set(id, rules)
      }
      return found
    }
  }
}

/** What a phone is judged by: the policy of its groups, and the suppressions that mean it. */
export function rulesForPhone (rules: TenantRules, deviceId: string, attributes: PhoneAttributes): PhoneRules {
  const { policy, groups } = resolvePolicy(rules.document, rules.policyVersion, attributes)
  const suppressions = rules.suppressions.length === 0
    ? NONE
    : rules.suppressions.filter(({ deviceId: only, group }) => (only === null || only === deviceId) && (group === null || groups.includes(group)))
  return { policy, groups, suppressions, policyVersion: rules.policyVersion, rulesVersion: rules.rulesVersion }
}
