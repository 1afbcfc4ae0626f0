import type { Logger } from 'pino'
import { expireDeadLetters } from './signal-repository.js'
import { type SetKeysDeps, tendSetKeys } from './ssf/set-keys.js'

const DEAD_LETTER_DAYS = 30
/** Of one destination. */
const DEAD_LETTERS_KEPT = 10_000

/** Deletes dead letters nobody wanted, and replaces keys in time. */
export async function tendSignals (deps: SetKeysDeps & { readonly log: Logger }): Promise<void> {
  const deadLetters = await expireDeadLetters(deps.db, { days: DEAD_LETTER_DAYS, keep: DEAD_LETTERS_KEPT })
  const keys = await tendSetKeys(deps)
  if (deadLetters > 0 || keys.rotated || keys.removed > 0) deps.log.info({ deadLetters, keysRotated: keys.rotated, keysRemoved: keys.removed }, 'signals were tended')
}
