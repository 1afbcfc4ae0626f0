import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { IntelView } from '../../intel/intel-view.js'
import type { Database } from '../../platform/database.js'
import { isDatabaseAway } from '../../platform/database-errors.js'
import type { PolicyDocument } from '../../risk/policy/document.js'
import { previewPolicyOf } from './preview.js'
import type { TenantRulesReader } from './tenant-rules.js'

export interface RunPreviewDeps {
  readonly db: Database
  /** For threads; see `PreviewDeps`. */
  readonly databaseUrl?: string
  readonly intel: { refresh (): Promise<IntelView> }
  readonly rules: TenantRulesReader
  readonly log: Logger
}

const TOLD_EVERY_MS = 500

/**
 * Answers a preview that was asked for; its row gets progress, then the answer or what went wrong.
 * @throws when the database is away, or the signal's reason: the job comes again
 */
export async function runPreview ({ db, databaseUrl, intel, rules, log }: RunPreviewDeps, previewId: string, signal?: AbortSignal): Promise<void> {
  const row = await db.updateTable('policy_preview').set({ started_at: new Date() }).where('id', '=', previewId).where('finished_at', 'is', null).returning(['tenant_id', 'document']).executeTakeFirst()
  if (row === undefined) return
  const finish = async (values: { readonly result?: string, readonly error?: string, readonly devices?: number }): Promise<void> => {
    await db.updateTable('policy_preview').set({ ...values, finished_at: new Date() }).where('id', '=', previewId).execute()
  }
  try {
    const tenantRules = (await rules.read(db, [row.tenant_id])).get(row.tenant_id)
    if (tenantRules === undefined) throw new Error('there is no such tenant')
    let toldAt = performance.now()
    const onProgress = async (devices: number): Promise<void> => {
      signal?.throwIfAborted()
      if (performance.now() - toldAt < TOLD_EVERY_MS) return
      toldAt = performance.now()
      await db.updateTable('policy_preview').set({ devices }).where('id', '=', previewId).execute()
    }
    const preview = await previewPolicyOf({ db, databaseUrl, intel: await intel.refresh(), now: new Date(), onProgress }, { tenantId: row.tenant_id, rules: tenantRules, document: row.document as PolicyDocument })
    await finish({ result: JSON.stringify(preview), devices: preview.devices })
  } catch (error) {
    if (isDatabaseAway(error) || (signal?.aborted === true && error === signal.reason)) throw error
    log.error({ err: error, previewId }, 'a policy could not be previewed')
    await finish({ error: error instanceof Error ? error.message : String(error) })
  }
}

const KEPT_DAYS = 7

/** Removes previews that nobody looks at any more; answers how many. */
export async function expirePreviews (db: Database): Promise<number> {
  const { numAffectedRows = 0n } = await sql`delete from policy_preview where created_at < now() - make_interval(days => ${KEPT_DAYS})`.execute(db)
  return Number(numAffectedRows)
}

/** Much longer than any takes (docs/policy.md). */
const ABANDONED_AFTER_MINUTES = 5
const MAX_FORGOTTEN = 50

/** Previews that nobody began although they were asked for so long ago, or whose process died: their jobs were lost. */
export async function listForgottenPreviews (db: Database, { olderThanSeconds }: { readonly olderThanSeconds: number }): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update policy_preview set started_at = now() where id in (
      select id from policy_preview where finished_at is null and (
        started_at is null and created_at < now() - make_interval(secs => ${olderThanSeconds}::double precision)
        or started_at < now() - make_interval(mins => ${ABANDONED_AFTER_MINUTES})
      ) order by created_at limit ${MAX_FORGOTTEN} for update skip locked
    ) returning id`.execute(db)
  return rows.map(({ id }) => id)
}
