import { decodeCursor, limitOf, NUMBER_PART, type Page, type PageInput, toPage } from '../devices/cursor.js'
import { rescoreTenant } from '../devices/retro/rescorings.js'
import { findPolicy, insertPolicy, listPolicyVersions, lockPolicyVersion, type PolicyVersion, readPolicyDocumentOf, type StoredPolicy } from '../devices/rules/policy-repository.js'
import { ConflictError, InvalidInputError, NotFoundError, PreconditionFailedError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import type { PolicyDocument } from '../risk/policy/document.js'
import type { Policy } from '../risk/policy/policy.js'
import { readPolicyDocument } from '../risk/policy/read-policy.js'
import { resolvePolicy } from '../risk/policy/resolve-policy.js'

export interface PolicyDeps {
  readonly db: Database
  /** Told after a change, so that phones are judged anew. */
  readonly intel: Producer<'intel'>
}

/** What holds for phones in no group, and the groups. */
export interface PolicyInForce extends Policy {
  readonly groups: NonNullable<PolicyDocument['groups']>
}

/** Which version a change starts from; `any`: whatever is there. */
export type ExpectedVersion = number | 'any'

export interface ApplyPolicyInput {
  readonly tenantId: string
  /** YAML or JSON. */
  readonly text: string
  readonly expected: ExpectedVersion
  readonly actor: string
  readonly comment?: string | undefined
}

export interface AppliedPolicy {
  readonly version: number
  /** False: the same was in force already. */
  readonly changed: boolean
  /** The work of judging the tenant's phones anew; null when nothing changed. */
  readonly rescoringId: number | null
}

/** @throws InvalidInputError naming every fault */
export function parsePolicy (text: string): PolicyDocument {
  const read = readPolicyDocument(text)
  if ('faults' in read) throw new InvalidInputError(read.faults, 'The policy')
  return read.document
}

/** The policy of a tenant as it holds for phones in no group. */
export async function getPolicy ({ db }: { readonly db: Database }, { tenantId }: { readonly tenantId: string }): Promise<PolicyInForce> {
  const tenant = await db.selectFrom('tenant').select('policy_version').where('id', '=', tenantId).executeTakeFirst()
  if (tenant === undefined) throw new NotFoundError('There is no such tenant.')
  return inForce(await readPolicyDocumentOf(db, tenantId, tenant.policy_version), tenant.policy_version)
}

function inForce (document: PolicyDocument | null, version: number): PolicyInForce {
  const { groups = [], ...base } = document ?? {}
  const { policy } = resolvePolicy(document === null ? null : base, version, { platform: 'android', ownership: null, tags: [], entraGroups: [] })
  return { ...policy, groups }
}

/**
 * Puts a policy in force and has the tenant's phones judged anew by it, the newest telemetry first. Until a
 * phone is, its old judgement stands. The same document again changes nothing.
 * @throws InvalidInputError, NotFoundError, PreconditionFailedError when another version is in force than expected,
 * ConflictError when the document itself says that it starts from another
 */
export async function applyPolicy ({ db, intel }: PolicyDeps, { tenantId, text, expected, actor, comment }: ApplyPolicyInput): Promise<AppliedPolicy> {
  const { version: startedFrom, ...document } = parsePolicy(text)
  const applied = await db.transaction().execute(async (tx) => {
    const current = await lockPolicyVersion(tx, tenantId)
    if (current === undefined) throw new NotFoundError('There is no such tenant.')
    if (expected !== 'any' && expected !== current) throw new PreconditionFailedError(`Version ${current} of the policy is in force, not ${expected}. Look at what changed and send yours again.`)
    if (startedFrom !== undefined && startedFrom !== current) throw new ConflictError(`The policy says that it starts from version ${startedFrom}, but version ${current} is in force.`)
    const before = await readPolicyDocumentOf(tx, tenantId, current)
    if (before !== null && JSON.stringify(sorted(before)) === JSON.stringify(sorted(document))) return { version: current, changed: false, rescoringId: null }
    const version = current + 1
    await insertPolicy(tx, tenantId, { version, document, source: text, author: actor, comment: comment ?? null })
    const rescoringId = await rescoreTenant(tx, { tenantId, cause: 'policy' })
    await recordAudit(tx, { tenantId, actor, action: 'policy.applied', subject: String(version), detail: { version, before: current, ...(comment === undefined ? {} : { comment }) } })
    return { version, changed: true, rescoringId }
  })
  if (applied.changed) await intel.add([{}])
  return applied
}

/** One page of a policy's versions, the newest first. */
export async function listPolicies ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string }): Promise<Page<PolicyVersion>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, NUMBER_PART)
  const rows = await listPolicyVersions(db, input.tenantId, { limit: limit + 1, before: before === undefined ? undefined : Number(before[0]) })
  return toPage(rows, limit, (row) => row, ({ version }) => [String(version)])
}

/** A version of the policy as its author wrote it. @throws NotFoundError */
export async function getPolicyVersion ({ db }: { readonly db: Database }, { tenantId, version }: { readonly tenantId: string, readonly version: number }): Promise<StoredPolicy> {
  const policy = await findPolicy(db, tenantId, version)
  if (policy === undefined) throw new NotFoundError('There is no such version of the policy.')
  return policy
}

/** Members in one order: jsonb has an order of its own. */
function sorted (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([name, member]) => [name, sorted(member)]))
}
