import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../telemetry/report.js'
import { writeDurably } from './durable-file.js'
import { chooseDropped, type Spool, SPOOL_LIMITS, type SpooledReport, type SpoolLimits } from './spool.js'

/** Names sort as sequences do. */
const fileOf = ({ sequence, reportId }: Report): string => `${String(sequence).padStart(16, '0')}-${reportId}.json`
const REPORT_FILE = /^\d{16}-[0-9a-f-]{36}\.json$/

/**
 * A folder with a file for each report. A file is there whole or not at all, so that a kill in the middle of anything
 * loses no report that was kept, and brings back at most some that were taken: their ids tell the server.
 */
export class FileSpool implements Spool {
  /** One change after another. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor (
    private readonly folder: string,
    private readonly limits: SpoolLimits,
    private readonly kept: SpooledReport[],
    /** Files that could not be read when the folder was opened; they are put aside under this name and `.unreadable`. */
    readonly unreadable: readonly string[]
  ) {}

  /** Opens the folder, or makes it. Half written files of a process that died are deleted; one that a failing disk spoilt does not keep the others. */
  static async open (folder: string, limits: SpoolLimits = SPOOL_LIMITS): Promise<FileSpool> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const names = (await readdir(folder)).sort()
    for (const name of names) if (name.endsWith('.new')) await rm(join(folder, name))
    const kept: SpooledReport[] = []
    const unreadable: string[] = []
    for (const name of names.filter((one) => REPORT_FILE.test(one))) {
      const text = await readFile(join(folder, name), 'utf8')
      try {
        kept.push({ report: JSON.parse(text) as Report, bytes: Buffer.byteLength(text) })
      } catch {
        await rename(join(folder, name), join(folder, `${name}.unreadable`))
        unreadable.push(name)
      }
    }
    return new FileSpool(folder, limits, kept, unreadable)
  }

  get size (): number {
    return this.kept.length
  }

  get lastSequence (): number {
    return this.kept.at(-1)?.report.sequence ?? 0
  }

  async add (report: Report): Promise<readonly Report[]> {
    return await this.#inTurn(async () => {
      const text = JSON.stringify(report)
      await writeDurably(join(this.folder, fileOf(report)), text)
      this.kept.push({ report, bytes: Buffer.byteLength(text) })
      const dropped = chooseDropped(this.kept, this.limits)
      await this.#delete(dropped)
      return dropped.map((one) => one.report)
    })
  }

  async peek (count: number): Promise<readonly SpooledReport[]> {
    return this.kept.slice(0, count)
  }

  async remove (reportIds: readonly string[]): Promise<void> {
    const gone = new Set(reportIds)
    await this.#inTurn(async () => await this.#delete(this.kept.filter(({ report }) => gone.has(report.reportId))))
  }

  async #delete (reports: readonly SpooledReport[]): Promise<void> {
    for (const one of reports) {
      await rm(join(this.folder, fileOf(one.report)), { force: true })
      this.kept.splice(this.kept.indexOf(one), 1)
    }
  }

  async #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    // Who comes next waits for the end, not for success.
    this.#turn = mine.catch(() => {})
    return await mine
  }
}
