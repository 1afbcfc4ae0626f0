import { setTimeout as wait } from 'node:timers/promises'
import type { PolicyPreview } from '../devices/rules/preview.js'
import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { parsePolicy } from './policies.js'

export interface PreviewDeps {
  readonly db: Database
  readonly preview: Producer<'preview'>
}

/** A preview as far as it is; with the answer when it is done. */
export type Preview = Partial<PolicyPreview> & {
  readonly previewId: string
  readonly status: 'waiting' | 'running' | 'done' | 'failed'
  readonly devices: number
  readonly error?: string
}

const POLL_MS = 50
/** Whoever waits longer asks again by the preview's id. */
const MAX_WAIT_MS = 5 * 60 * 1000

/** Has a worker find out what a policy would change. Waits for the answer if asked to, until the signal says that nobody does any more. @throws InvalidInputError naming every fault */
export async function previewPolicy (
  { db, preview }: PreviewDeps,
  { tenantId, text, requestedBy, wait: isAwaited, signal }: { readonly tenantId: string, readonly text: string, readonly requestedBy: string, readonly wait: boolean, readonly signal?: AbortSignal | undefined }
): Promise<Preview> {
  const { version: _, ...document } = parsePolicy(text)
  const { id: previewId } = await db.insertInto('policy_preview').values({ tenant_id: tenantId, document: JSON.stringify(document), requested_by: requestedBy }).returning('id').executeTakeFirstOrThrow()
  await preview.add([{ previewId }])
  for (const endsAt = performance.now() + MAX_WAIT_MS; ;) {
    const found = await getPreview({ db }, { tenantId, previewId })
    if (!isAwaited || found.status === 'done' || found.status === 'failed' || performance.now() > endsAt || signal?.aborted === true) return found
    await wait(POLL_MS)
  }
}

/** @throws NotFoundError */
export async function getPreview ({ db }: { readonly db: Database }, { tenantId, previewId }: { readonly tenantId: string, readonly previewId: string }): Promise<Preview> {
  const row = await db.selectFrom('policy_preview').select(['started_at', 'finished_at', 'devices', 'result', 'error']).where('tenant_id', '=', tenantId).where('id', '=', previewId).executeTakeFirst()
  if (row === undefined) throw new NotFoundError('There is no such preview.')
  if (row.error !== null) return { previewId, status: 'failed', devices: row.devices, error: row.error }
  if (row.finished_at !== null) return { previewId, status: 'done', ...row.result as PolicyPreview }
  return { previewId, status: row.started_at === null ? 'waiting' : 'running', devices: row.devices }
}
