import type { Database } from './database.js'
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

/**
 * Puts all secrets under the first key of SECRETS_KEY, one by one, so that it can end at any moment and begin anew. Whoever has all keys
 * can open every secret all along. `check`: changes nothing, and counts what would be.
 */
export async function resealSecrets ({ db, secrets, kinds }: { readonly db: Database, readonly secrets: SecretBox, readonly kinds: readonly SecretKind[] }, { check = false } = {}): Promise<ResealedKind[]> {
  const answers: ResealedKind[] = []
  for (const kind of kinds) answers.push(await resealKind(db, secrets, kind, check))
  return answers
}

async function resealKind (db: Database, secrets: SecretBox, kind: SecretKind, check: boolean): Promise<ResealedKind> {
  let [resealed, current] = [0, 0]
  const unreadable: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await kind.list(db, { after, limit: AT_ONCE })
    for (const secret of page) {
      const sealed = seal(secrets, kind, secret)
      if (sealed === 'unreadable') unreadable.push(secret.context)
      // What somebody replaced meanwhile is theirs, under the first key of their process.
      else if (sealed === undefined || (!check && !await kind.replace(db, secret, sealed))) current++
      else resealed++
    }
    if (page.length < AT_ONCE) return { kind: kind.name, resealed, current, unreadable }
    after = page.at(-1)!.key
  }
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
