import type { Database } from './database.js'
import { recordAudit } from './record-audit.js'
import type { SecretBox } from './secret-box.js'

/** A secret of the database, as it is stored. */
export interface StoredSecret {
  /** Which one: what the list goes on after. */
  readonly key: string
  readonly sealed: Buffer
  readonly context: string
}

/** A kind of secrets that the database keeps; whoever owns the table says how to get at them. */
export interface SecretKind {
  readonly name: string
  /** In the order of their keys. */
  list (db: Database, page: { readonly after: string | undefined, readonly limit: number }): Promise<StoredSecret[]>
  /** In place of what was read, unless it has changed since. @returns whether it was put there */
  replace (db: Database, secret: StoredSecret, sealed: Buffer): Promise<boolean>
  /** What was stored before there was a key to seal it with. @returns undefined for what is sealed */
  readClear?: (stored: Buffer) => string | undefined
}

export interface ResealedKind {
  readonly kind: string
  /** Under the first key of SECRETS_KEY now, which they were not. */
  readonly resealed: number
  /** Under it already. */
  readonly current: number
  /** Those that no key opens, by what they belong to. */
  readonly unreadable: readonly string[]
}

const AT_ONCE = 200

export interface ResealDeps {
  readonly db: Database
  readonly secrets: SecretBox
  readonly kinds: readonly SecretKind[]
  /** Who does it, for the audit. */
  readonly actor: string
}

/**
 * Puts all secrets under the first key of SECRETS_KEY, some at once with their line in the audit, so that it can end at any moment and
 * begin anew. Whoever has all keys can open every secret all along. `check`: changes nothing, and counts what would be.
 */
export async function resealSecrets (deps: ResealDeps, { check = false } = {}): Promise<ResealedKind[]> {
  const answers: ResealedKind[] = []
  for (const kind of deps.kinds) answers.push(await resealKind(deps, kind, check))
  return answers
}

async function resealKind ({ db, secrets, actor }: ResealDeps, kind: SecretKind, check: boolean): Promise<ResealedKind> {
  let [resealed, current] = [0, 0]
  const unreadable: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await kind.list(db, { after, limit: AT_ONCE })
    const due: Due[] = []
    for (const secret of page) {
      const sealed = seal(secrets, kind, secret)
      if (sealed === 'unreadable') unreadable.push(secret.context)
      else if (sealed === undefined) current++
      else due.push({ secret, sealed })
    }
    // What somebody replaced meanwhile is theirs, under the first key of their process.
    const replaced = check ? due.length : await replacePage(db, kind, due, actor)
    resealed += replaced
    current += due.length - replaced
    if (page.length < AT_ONCE) return { kind: kind.name, resealed, current, unreadable }
    after = page.at(-1)!.key
  }
}

interface Due { readonly secret: StoredSecret, readonly sealed: Buffer }

async function replacePage (db: Database, kind: SecretKind, due: readonly Due[], actor: string): Promise<number> {
  if (due.length === 0) return 0
  return await db.transaction().execute(async (tx) => {
    let replaced = 0
    for (const { secret, sealed } of due) if (await kind.replace(tx, secret, sealed)) replaced++
    if (replaced > 0) await recordAudit(tx, { tenantId: null, actor, action: 'secrets.resealed', detail: { [kind.name]: replaced } })
    return replaced
  })
}

function seal (secrets: SecretBox, kind: SecretKind, { sealed, context }: StoredSecret): Buffer | undefined | 'unreadable' {
  const clear = kind.readClear?.(sealed)
  if (clear !== undefined) return secrets.seal(clear, context)
  try {
    return secrets.reseal(sealed, context)
  } catch {
    return 'unreadable'
  }
}
