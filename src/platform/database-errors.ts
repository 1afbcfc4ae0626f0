/** SQLSTATE of an error that PostgreSQL sent, else undefined. */
export function sqlState (error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

// Classes 08 connection, 53 insufficient resources, 57P shutdown and start, 58 system error;
// 25006 is a standby that was not promoted yet. What took longer than a limit that an administrator has set: 57014
// statement_timeout (or cancelled by one), 55P03 lock_timeout, 25P03 and 25P04 time-outs of transactions.
const AWAY_STATE = /^(?:08...|53...|57P0[1-5]|58...|25006|57014|55P03|25P0[34])$/
const AWAY_CODE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH'])
// node-postgres has no codes for these.
const AWAY_MESSAGE = /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|not queryable|driver has already been destroyed|after calling end on the pool/i

/** True when the database cannot do it now: nothing is wrong with what was asked, and all of it was undone. */
export function isDatabaseAway (error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isDatabaseAway)
  if (!(error instanceof Error)) return false
  const state = sqlState(error)
  if (state !== undefined) return AWAY_STATE.test(state)
  return ('code' in error && AWAY_CODE.has(String(error.code))) || AWAY_MESSAGE.test(error.message)
}

/**
 * True for a serialization failure, a deadlock, or a statement that was prepared before a
 * migration changed its table: the same transaction may succeed now.
 */
export function isWorthRetrying (error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01' || isOutdatedStatement(error)
}

/** True for a prepared statement whose table has been changed since: `cached plan must not change result type`. */
export function isOutdatedStatement (error: unknown): boolean {
  return sqlState(error) === '0A000' && (error as Error).message.includes('cached plan')
}

/**
 * True when the cause may lie in the data that was written: anything thrown by our own code,
 * and the SQLSTATE classes 21, 22, 23, 54 and P0. Not so for a missing table or permission.
 */
export function mayBeDataFault (error: unknown): boolean {
  if (isDatabaseAway(error)) return false
  const state = sqlState(error)
  return state === undefined || /^(?:2[123]|54|P0)/.test(state)
}

/** True when a row has no partition to go into. */
export function lacksPartition (error: unknown): boolean {
  return sqlState(error) === '23514' && (error as Error).message.startsWith('no partition of relation')
}
