import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { openDatabase, type Tx } from '../../platform/database.js'
import { listGuardChanges } from '../indicators/guarded-host-repository.js'
import { INDICATOR_TYPES, type IndicatorType } from '../indicators/indicator.js'
import type { GuardOverride } from '../indicators/shared-hosts.js'
import { readIntelVersion } from '../intel-version.js'
import { readVulnerabilityRows } from '../vulnerabilities/vulnerability-repository.js'
import type { Claim } from './claim-table.js'
import { IndexBuilder } from './index-builder.js'
import type { IndexParts } from './index-parts.js'

/** One state of the store, as it moves from the thread that read it. */
export interface ReadIndex {
  readonly version: number
  readonly parts: IndexParts
  readonly guardOverrides: readonly GuardOverride[]
  /** JSON arrays of vulnerability rows, each parsed in a few milliseconds; undefined: they are what their digest says. */
  readonly vulnerabilities: ReadonlyArray<Uint8Array<ArrayBuffer>> | undefined
  readonly vulnerabilityDigest: string
}

export interface ReadIndexInput {
  readonly databaseUrl: string
  /** Of the vulnerabilities that the asker has: they are not sent again. */
  readonly knownVulnerabilities: string | undefined
}

/** Rows of one JSON array: a phone's report waits no longer than it takes to parse it. */
const ROWS_OF_JSON = 250

/**
 * Reads one consistent state of the store over two connections: what is small by kysely, the
 * indicators by COPY in binary, each row fingerprinted as it comes.
 */
export async function readIndex ({ databaseUrl, knownVulnerabilities }: ReadIndexInput): Promise<ReadIndex> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport index' })
  try {
    return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) => {
      const version = await readIntelVersion(tx)
      const guardOverrides = (await listGuardChanges(tx)).map(({ host, guarded }) => ({ host, guarded }))
      const { rows: [snapshot] } = await sql<{ id: string }>`select pg_export_snapshot() as id`.execute(tx)
      // Side by side: PostgreSQL has a process for each.
      const [parts, { jsons, digest }] = await Promise.all([readIndicators(databaseUrl, snapshot!.id, guardOverrides), readVulnerabilities(tx)])
      return { version, parts, guardOverrides, vulnerabilities: digest === knownVulnerabilities ? undefined : jsons, vulnerabilityDigest: digest }
    })
  } finally {
    await db.destroy()
  }
}

async function readVulnerabilities (tx: Tx): Promise<{ readonly jsons: Array<Uint8Array<ArrayBuffer>>, readonly digest: string }> {
  const rows = await readVulnerabilityRows(tx)
  const jsons: Array<Uint8Array<ArrayBuffer>> = []
  const hash = createHash('sha256')
  for (let from = 0; from < rows.length; from += ROWS_OF_JSON) {
    const json = new TextEncoder().encode(JSON.stringify(rows.slice(from, from + ROWS_OF_JSON)))
    hash.update(json)
    jsons.push(json)
  }
  return { jsons, digest: hash.digest('hex') }
}

async function readIndicators (databaseUrl: string, snapshot: string, guardOverrides: readonly GuardOverride[]): Promise<IndexParts> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'sallyport index', connectionTimeoutMillis: 10_000, keepAlive: true })
  // One that breaks while nothing is asked; what is asked next fails by itself.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    await client.query(`set transaction snapshot ${pg.escapeLiteral(snapshot)}`)
    // To compile a plan that runs once takes longer than it saves.
    await client.query('set local jit = off')
    const builder = new IndexBuilder()
    const rows = new RowReader(builder)
    await copyOut(client, `copy (select ${COLUMNS} from indicator ${whereNotGuarded(guardOverrides)}) to stdout (format binary)`, (row) => rows.read(row))
    return builder.finish()
  } finally {
    await client.end()
  }
}

/** Without those of hosts that an operator guards: what was imported before he did counts no more. */
function whereNotGuarded (overrides: readonly GuardOverride[]): string {
  const guarded = overrides.filter((one) => one.guarded).flatMap(({ host }) => [host, `www.${host}`])
  if (guarded.length === 0) return ''
  const list = (values: readonly string[]): string => values.map((value) => pg.escapeLiteral(value)).join(',')
  const roots = guarded.flatMap((host) => ['http', 'https'].map((scheme) => `${scheme}://${host.includes(':') ? `[${host}]` : host}/`))
  return `where not (type in ('domain', 'ipv4', 'ipv6') and value in (${list(guarded)})) and not (type = 'url' and value in (${list(roots)}))`
}

/** The value first: what is behind it is the claim, which nearly always is that of the row before. */
const COLUMNS = 'value, type, feed, role, threat_class, family, valid_from, valid_until, confidence, port'
/** PostgreSQL, "COPY", Binary Format: signature, flags and length of an extension that there is not. */
const HEADER_BYTES = 19
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
/** Milliseconds from 1970 to 2000, PostgreSQL's epoch. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

/** Rows of COPY's binary form, in the order of `COLUMNS`. */
class RowReader {
  #claimBytes = Buffer.alloc(0)
  #claim = 0
  #type: IndicatorType = 'domain'

  constructor (readonly builder: IndexBuilder) {}

  read (message: Buffer): void {
    let at = message.length >= HEADER_BYTES && message[0] === SIGNATURE[0] && message.subarray(0, SIGNATURE.length).equals(SIGNATURE) ? HEADER_BYTES : 0
    // Nothing but the header, or the end.
    if (at + 2 > message.length || message.readInt16BE(at) === -1) return
    at += 2
    const start = at + 4
    const end = start + message.readInt32BE(at)
    if (!isSame(message, end, this.#claimBytes)) {
      // Messages share the memory of what the connection received.
      this.#claimBytes = Buffer.from(message.subarray(end))
      this.#type = typeOf(this.#claimBytes)
      this.#claim = this.builder.numberOfClaim(this.#claimBytes, () => readClaim(this.#claimBytes))
    }
    this.builder.addValue(this.#type, message, start, end, this.#claim)
  }
}

function isSame (message: Buffer, start: number, bytes: Buffer): boolean {
  const { length } = bytes
  if (message.length - start !== length) return false
  // From the end: what differs is there more often than in the feed's name.
  for (let at = length - 1; at >= 0; at--) if (message[start + at] !== bytes[at]) return false
  return true
}

const TYPES: ReadonlySet<string> = new Set(INDICATOR_TYPES)

function typeOf (bytes: Buffer): IndicatorType {
  const type = bytes.toString('latin1', 4, 4 + bytes.readInt32BE(0))
  if (!TYPES.has(type)) throw new RangeError(`the store has an indicator of the unknown type ${type}`)
  return type as IndicatorType
}

function readClaim (bytes: Buffer): Claim {
  let at = 0
  const next = (): Buffer | undefined => {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === -1) return undefined
    at += length
    return bytes.subarray(at - length, at)
  }
  const text = (): string => next()!.toString()
  const time = (): number | undefined => {
    const microseconds = next()?.readBigInt64BE()
    return microseconds === undefined ? undefined : Number(microseconds / 1000n) + EPOCH_MS
  }
  next()
  return {
    feed: text(),
    role: text() as Claim['role'],
    threatClass: text() as Claim['threatClass'],
    family: text(),
    validFrom: time(),
    validUntil: time(),
    confidence: next()?.readInt16BE(),
    port: next()!.readInt32BE()
  }
}

/**
 * COPY … TO STDOUT, message by message as the protocol brings them: a row each. A stream between
 * would cut and join them again.
 */
async function copyOut (client: pg.Client, statement: string, onRow: (row: Buffer) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let failure: Error | undefined
    const fail = (error: Error): void => { failure ??= error }
    const copy = {
      submit: (connection: { query: (text: string) => void }) => connection.query(statement),
      handleCopyData: ({ chunk }: { readonly chunk: Buffer }) => {
        if (failure !== undefined) return
        try {
          onRow(chunk)
        } catch (error) {
          fail(error as Error)
        }
      },
      handleCommandComplete: () => {},
      // The connection broke, or PostgreSQL refuses; only after the latter it says that it is ready.
      handleError: (error: Error) => {
        fail(error)
        reject(error)
      },
      handleReadyForQuery: () => failure === undefined ? resolve() : reject(failure)
    }
    client.query(copy as unknown as pg.Submittable)
  })
}
