import { Ajv } from 'ajv'
import { type Static, Type } from 'typebox'
import type { Database } from '../platform/database.js'
import type { SecretBox } from '../platform/secret-box.js'
import { listHeads } from './audit-repository.js'

const Guid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })

/** What somebody keeps elsewhere, to prove later that nothing was cut off. */
const NotedHeadsSchema = Type.Object({
  kind: Type.Literal('sallyport-audit-heads'),
  at: Type.String({ minLength: 1 }),
  heads: Type.Array(Type.Object({ chain: Guid, number: Type.Integer({ minimum: 1 }), hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) })),
  /** The heads and the time once more, sealed under SECRETS_KEY: whoever has the database alone cannot make another. Null without that key. */
  seal: Type.Union([Type.String(), Type.Null()])
})
export type NotedHeads = Static<typeof NotedHeadsSchema>

const isNotedHeads = new Ajv().compile<NotedHeads>(NotedHeadsSchema)
const SEAL_CONTEXT = 'audit heads'
const textOf = ({ at, heads }: Pick<NotedHeads, 'at' | 'heads'>): string =>
  JSON.stringify([at, heads.map(({ chain, number, hash }) => [chain, number, hash])])

/** The last entry of each chain, to be kept where whoever can change the database cannot. */
export async function noteHeads ({ db, secrets }: { readonly db: Database, readonly secrets: SecretBox | undefined }, { now = new Date() } = {}): Promise<NotedHeads> {
  const noted = { at: now.toISOString(), heads: (await listHeads(db)).map(({ chain, number, hash }) => ({ chain, number, hash })) }
  return { kind: 'sallyport-audit-heads', ...noted, seal: secrets === undefined ? null : secrets.seal(textOf(noted), SEAL_CONTEXT).toString('base64') }
}

/** Reads what `noteHeads` made. `sealed`: whether it is certain to be ours; undefined without a seal, or without a key to open it. @throws Error naming what is wrong with it */
export function readNotedHeads (text: string, secrets: SecretBox | undefined): { readonly noted: NotedHeads, readonly sealed: boolean | undefined } {
  let noted: unknown
  try {
    noted = JSON.parse(text)
  } catch (error) {
    throw new Error(`the note of heads is not JSON: ${(error as Error).message}`)
  }
  if (!isNotedHeads(noted)) throw new Error(`this is no note of heads: ${(isNotedHeads.errors ?? []).map(({ instancePath, message }) => `${instancePath === '' ? '/' : instancePath} ${message ?? 'is not valid'}`).join('; ')}`)
  return { noted, sealed: noted.seal === null || secrets === undefined ? undefined : isSealed(noted, noted.seal, secrets) }
}

function isSealed (noted: NotedHeads, seal: string, secrets: SecretBox): boolean {
  try {
    return secrets.open(Buffer.from(seal, 'base64'), SEAL_CONTEXT) === textOf(noted)
  } catch {
    // Of another key, or changed: either way it proves nothing.
    return false
  }
}
