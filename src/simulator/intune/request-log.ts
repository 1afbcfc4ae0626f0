import { preciseNow } from './clock.js'

/** One request to Entra, Graph or the partner services. No token or secret is kept, and a body only when asked for. */
export interface RequestRecord {
  readonly id: number
  /** Real time, ms since 1970 with fractions. */
  readonly atMs: number
  readonly service: 'entra' | 'graph' | 'partner'
  readonly method: string
  /** Path with query. */
  readonly url: string
  tenantId: string | null
  clientId: string | null
  readonly clientRequestId: string | null
  /** Null while open, and for good when no answer was given. */
  status: number | null
  durationMs: number | null
  /** The kinds of faults that were injected into it. */
  readonly faults: string[]
  /** Devices in a partner message. */
  devices?: number
  /** The body sent, of the last requests and while bodies are recorded. */
  body?: unknown
}

export interface RequestFilter {
  readonly tenant?: string
  readonly path?: string
  readonly method?: string
  readonly clientRequestId?: string
  readonly sinceId?: number
  readonly limit?: number
}

const MAX_KEPT = 20_000
const MAX_BODIES = 1000

/** The last requests, for tests to assert on; `total` counts all. */
export class RequestLog {
  #records: RequestRecord[] = []
  #nextId = 1
  #withBody: RequestRecord[] = []
  recordsBodies = false

  get total (): number {
    return this.#nextId - 1
  }

  open (request: Pick<RequestRecord, 'service' | 'method' | 'url' | 'clientRequestId'>): RequestRecord {
    const record: RequestRecord = { id: this.#nextId++, atMs: preciseNow(), tenantId: null, clientId: null, status: null, durationMs: null, faults: [], ...request }
    this.#records.push(record)
    // Cut in blocks: a shift for every request would move the whole list each time.
    if (this.#records.length > MAX_KEPT * 1.25) this.#records = this.#records.slice(-MAX_KEPT)
    return record
  }

  /** Keeps what was sent, and lets go of what was sent long ago. */
  addBody (record: RequestRecord, body: unknown): void {
    record.body = body
    this.#withBody.push(record)
    if (this.#withBody.length > MAX_BODIES) delete this.#withBody.shift()!.body
  }

  list ({ tenant, path, method, clientRequestId, sinceId = 0, limit = MAX_KEPT }: RequestFilter): RequestRecord[] {
    const wanted = this.#records.filter((record) =>
      record.id > sinceId &&
      (tenant === undefined || record.tenantId === tenant.toLowerCase()) &&
      (path === undefined || record.url.includes(path)) &&
      (clientRequestId === undefined || record.clientRequestId === clientRequestId) &&
      (method === undefined || record.method === method))
    return limit === 0 ? [] : wanted.slice(-limit)
  }

  clear (): void {
    this.#records = []
    this.#withBody = []
  }
}
