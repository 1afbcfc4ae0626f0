/**
 * A backup is text, compressed with gzip: a line of JSON that says what it is, then for each
 * table a line of JSON and its rows as COPY writes them up to a line `\.`, and at the end a line
 * of JSON with what was written, without which it is not whole.
 */
export const BACKUP_FORMAT = 1

export interface BackupHeader {
  readonly sallyportBackup: number
  /** ISO 8601: everything is as it was at this moment. */
  readonly madeAt: string
  readonly version: string
  readonly migrations: ReadonlyArray<{ readonly name: string, readonly sha256: string }>
  /** Days of which the journal has tables. */
  readonly journalDays: readonly string[]
}

export interface BackupTable {
  readonly table: string
  readonly columns: readonly string[]
}

export interface BackupEnd {
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
  /** The last numbers that were given out, by sequence. */
  readonly sequences: Readonly<Record<string, number>>
  /** Of all before this line, in hex. */
  readonly sha256: string
}

/** The file is no backup, or not a whole one. */
export class BackupError extends Error {}

export const END_OF_ROWS = '\\.'

/** Lines of a stream without their ends. Only a line feed ends one: COPY writes all others as escapes. */
export async function * linesOf (stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of stream) {
    const text: Buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let from = 0
    for (let to = text.indexOf(10, from); to !== -1; to = text.indexOf(10, from)) {
      yield text.toString('utf8', from, to)
      from = to + 1
    }
    rest = text.subarray(from)
  }
  if (rest.length > 0) throw new BackupError('the backup ends in the middle of a line')
}
