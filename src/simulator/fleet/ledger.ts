import { closeSync, openSync, writeSync } from 'node:fs'

/** A line of the ledger: a report and how it was acknowledged. */
export interface LedgerLine {
  readonly deviceId: string
  readonly reportId: string
  readonly sequence: number
  readonly status: 'accepted' | 'duplicate' | 'stale'
}

export interface Ledger {
  /** Written before it returns: what the process has been told is on record, however it ends. @throws when it cannot be written */
  append (line: LedgerLine): void
  close (): void
}

/** JSON lines, after those already in the file. @throws when the file cannot be opened */
export function openLedger (path: string): Ledger {
  const file = openSync(path, 'a')
  return {
    append ({ deviceId, reportId, sequence, status }) {
      writeSync(file, `${JSON.stringify({ deviceId, reportId, sequence, status })}\n`)
    },
    close: () => closeSync(file)
  }
}
