import { Ajv } from 'ajv'
import { Type } from 'typebox'
import { eraseDevice } from '../devices/erase-device.js'
import { revokeDevice } from '../devices/revoke-device.js'
import { retireSigningKey } from '../devices/signing-key-repository.js'
import { ConflictError, NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { SecretBox } from '../platform/secret-box.js'
import { revokeApiKey } from './api-keys.js'
import { revokeEnrollmentToken } from './enrollment-tokens.js'
import { removeGrant } from './grants.js'

/** What ends something for good, as the audit calls it. A restored database knows nothing of those after its backup. */
const ENDS = ['api-key.revoked', 'api-key.rotated', 'operator-grant.removed', 'enrollment-token.revoked', 'signing-key.retired', 'device.revoked', 'device.erased'] as const
type End = (typeof ENDS)[number]

const NOTE_FORMAT = 1
const NoteSchema = Type.Object({
  sallyportRevocations: Type.Literal(NOTE_FORMAT),
  notedAt: Type.String(),
  since: Type.String(),
  ended: Type.Array(Type.Object({
    at: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' }),
    tenantId: Type.Union([Type.String(), Type.Null()]),
    action: Type.Enum([...ENDS]),
    subject: Type.String(),
    ends: Type.Optional(Type.String())
  }))
})
const isNote = new Ajv({ strict: false }).compile<RevocationNote>(NoteSchema)

export interface EndedThing {
  /** ISO 8601. */
  readonly at: string
  /** Null: the platform's. */
  readonly tenantId: string | null
  readonly action: End
  /** Whom the audit names. */
  readonly subject: string
  /** Id of what ended, where that is another: the key that was replaced. */
  readonly ends?: string
}

/** To be kept beside the backups: ids only, nothing secret. */
export interface RevocationNote {
  readonly sallyportRevocations: typeof NOTE_FORMAT
  readonly notedAt: string
  readonly since: string
  readonly ended: readonly EndedThing[]
}

/** What ended since a moment, by the audit. */
export async function noteRevocations (db: Database, since: Date): Promise<RevocationNote> {
  const notedAt = new Date()
  const rows = await db.selectFrom('audit_event').select(['at', 'tenant_id', 'action', 'subject', 'detail'])
    .where('action', 'in', [...ENDS]).where('at', '>=', since).where('subject', 'is not', null).orderBy('id').execute()
  return {
    sallyportRevocations: NOTE_FORMAT,
    notedAt: notedAt.toISOString(),
    since: since.toISOString(),
    ended: rows.map((row) => {
      const { replaces } = row.detail as { readonly replaces?: string }
      return { at: row.at.toISOString(), tenantId: row.tenant_id, action: row.action as End, subject: row.subject!, ...(replaces === undefined ? {} : { ends: replaces }) }
    })
  }
}

/** @throws Error when it is no such note */
export function readRevocationNote (text: string): RevocationNote {
  let note: unknown
  try {
    note = JSON.parse(text)
  } catch (error) {
    throw new Error(`this is no note of revocations: ${(error as Error).message}`, { cause: error })
  }
  if (!isNote(note)) throw new Error('this is no note of revocations: `sallyport revocations note` writes one')
  return note
}

export interface AppliedRevocations {
  /** Done again, by what they are. */
  readonly applied: Readonly<Record<string, number>>
  /** What the database knows of already. */
  readonly known: number
  /** What it has not: made and ended after the backup. */
  readonly absent: number
}

export interface ApplyRevocationsDeps {
  readonly db: Database
  /** As for retiring a signing key. */
  readonly secrets?: SecretBox | undefined
  readonly log: Parameters<typeof revokeDevice>[0]['log']
}

/**
 * Ends once more, in a database that was put back, what had ended after its backup. Nothing of Sallyport needs to run: processes that
 * start later find it ended, and the sweep tells Intune. Each is a transaction; interrupted, it is run again.
 */
export async function applyRevocations ({ db, secrets, log }: ApplyRevocationsDeps, { note, actor }: { readonly note: RevocationNote, readonly actor: string }): Promise<AppliedRevocations> {
  const applied: Record<string, number> = {}
  let [known, absent] = [0, 0]
  const device = { db, log, cutoffs: { advance () {} }, sync: { async add () {} } }
  const end: Readonly<Record<End, (one: EndedThing) => Promise<unknown>>> = {
    'api-key.revoked': async ({ subject: id }) => await revokeApiKey({ db }, { id, actor }),
    // The new key is lost with the rest, so nobody has a use for the time in which both would count.
    'api-key.rotated': async ({ subject, ends = subject }) => await revokeApiKey({ db }, { id: ends, actor }),
    'operator-grant.removed': async ({ subject: id }) => await removeGrant({ db }, { id, actor }),
    'enrollment-token.revoked': async ({ subject: id, tenantId }) => await revokeEnrollmentToken({ db }, { id, tenantId: tenantId!, actor }),
    'signing-key.retired': async ({ subject: id }) => await retireSigningKey({ db, secrets }, { id, now: true, actor }),
    'device.revoked': async ({ subject: deviceId, tenantId }) => await revokeDevice(device, { deviceId, tenantId: tenantId!, actor }),
    'device.erased': async ({ subject: deviceId, tenantId }) => await eraseDevice(device, { deviceId, tenantId: tenantId!, actor })
  }
  for (const one of note.ended) {
    if (await isKnown(db, one)) {
      known += 1
      continue
    }
    try {
      await end[one.action](one)
      applied[one.action] = (applied[one.action] ?? 0) + 1
    } catch (error) {
      // Made after the backup as well, so it does not count here.
      if (!(error instanceof NotFoundError || error instanceof ConflictError)) throw error
      absent += 1
    }
  }
  return { applied, known, absent }
}

/** Ended before the backup, and perhaps begun again since: a phone that was revoked may have enrolled anew. */
async function isKnown (db: Database, { at, action, subject }: EndedThing): Promise<boolean> {
  const moment = new Date(at)
  const row = await db.selectFrom('audit_event').select('id').where('action', '=', action).where('subject', '=', subject)
    // The column has microseconds, the note has not.
    .where('at', '>=', moment).where('at', '<', new Date(moment.getTime() + 1)).executeTakeFirst()
  return row !== undefined
}
