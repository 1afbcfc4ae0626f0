import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type KeyStore, listLiveKeys, rotateSigningKey, tendSigningKeys } from './signing-key-repository.js'

/** As soon as this a retired key ends everywhere. */
const POLL_MS = 2_000
/** A token with an unknown key's id makes us look again, but not more often than this. */
const LOOK_AGAIN_MS = 100
const TEND_MS = 60 * 60 * 1000
const KEY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export interface SigningKey {
  readonly id: string
  readonly secret: Buffer
}

/** The keys of access tokens, the same in every process. */
export interface SigningKeys {
  /** The newest key: new tokens are signed with it. */
  current (): SigningKey
  /**
   * The key with this id, unless it is retired. An unknown id is looked for in the table, by a look
   * that begins after this call: a key made a moment ago in another process is found.
   */
  find (id: string): Promise<SigningKey | undefined>
  /** Another number once a key has gone: whoever remembers what a key has verified looks again. */
  generation (): number
  refresh (): Promise<void>
  close (): void
}

export interface SigningKeysOptions extends KeyStore {
  readonly log: Logger
  readonly pollMs?: number
  /** A key signs for so many days, then a new one does. None: only by hand. */
  readonly rotateAfterDays?: number
}

/**
 * Loads the signing keys and follows them; the first process ever makes one. Whoever signs also
 * tends the keys: once an hour it sees whether a new one is due and removes those that are done.
 */
export async function createSigningKeys ({ db, secrets, log, pollMs = POLL_MS, rotateAfterDays }: SigningKeysOptions): Promise<SigningKeys> {
  const store: KeyStore = { db, secrets }
  let keys: readonly SigningKey[] = []
  let generation = 0
  let startedAtMs = -Infinity

  const refresh = async (): Promise<void> => {
    startedAtMs = performance.now()
    const loaded = await listLiveKeys(store)
    // An empty table is no reason to forget what phones hold.
    if (loaded.length === 0) return
    if (keys.some(({ id }) => !loaded.some((key) => key.id === id))) generation++
    keys = loaded
  }
  await refresh()
  if (keys.length === 0) {
    await rotateSigningKey(store, { onlyIfNone: true, actor: 'API' })
    await refresh()
  }

  let tendedAtMs = -Infinity
  const tend = async (): Promise<void> => {
    if (rotateAfterDays === undefined || performance.now() - tendedAtMs < TEND_MS) return
    const { rotated, removed } = await tendSigningKeys(store, { rotateAfterDays })
    tendedAtMs = performance.now()
    if (rotated || removed > 0) log.info({ rotated, removed }, 'signing keys were tended')
    if (rotated) await refresh()
  }
  await tend()

  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= refresh().then(tend)
      .catch((err: unknown) => log.warn({ err }, 'signing keys could not be reloaded'))
      .finally(() => { running = undefined })
  }, pollMs).unref()

  let nextLook: Promise<void> | undefined
  const lookAgain = async (): Promise<void> => {
    nextLook ??= (async () => {
      await sleep(Math.max(0, startedAtMs + LOOK_AGAIN_MS - performance.now()))
      // Who comes from now on may ask for a key that this look does not see.
      nextLook = undefined
      await refresh()
    })()
    await nextLook
  }

  return {
    current: () => keys[0]!,
    async find (id) {
      const known = keys.find((key) => key.id === id)
      if (known !== undefined || !KEY_ID.test(id)) return known
      await lookAgain()
      return keys.find((key) => key.id === id)
    },
    generation: () => generation,
    refresh,
    close: () => clearInterval(timer)
  }
}
