import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Report, REPORT_LIMITS } from '../telemetry/report.js'
import { AgentError, type ApiClient } from './api-client.js'
import type { SpooledReport } from './spool.js'

/** The server's word that a report is stored. */
export interface AgentReceipt {
  readonly reportId: string
  readonly status: 'accepted' | 'duplicate' | 'stale'
  /** Sections that the next report must hold whole. */
  readonly resend: readonly string[]
}

/** A report that the server will never take, and why. */
export interface Refusal {
  readonly report: Report
  readonly error: AgentError
}

/** What became of some reports. What is in neither list stays. */
export interface Delivery {
  readonly receipts: readonly AgentReceipt[]
  readonly refusals: readonly Refusal[]
  /** Why the rest stays: the same again may work later. */
  readonly putOff?: AgentError
}

/** Smaller ones gain nothing. */
const WORTH_PACKING_BYTES = 1_024
/** Of reports before they are packed, well below the limit as sent and as decoded. */
const BATCH_BYTES = 900_000

const gzipAsync = promisify(gzip)

interface BatchReply {
  readonly results: ReadonlyArray<{
    readonly reportId: string | null
    readonly status: AgentReceipt['status'] | 'rejected'
    readonly resend: readonly string[]
    readonly error?: { readonly status: number, readonly code: string, readonly detail: string }
  }>
}

/** As many of the oldest as fit one request; always one. */
export function chooseBatch (reports: readonly SpooledReport[]): Report[] {
  const chosen: Report[] = []
  let bytes = 0
  for (const one of reports.slice(0, REPORT_LIMITS.batchReports)) {
    bytes += one.bytes
    if (chosen.length > 0 && bytes > BATCH_BYTES) break
    chosen.push(one.report)
  }
  return chosen
}

/**
 * Sends reports in one request. A request that is refused as a whole is sent in halves, so that one report at fault
 * does not hold up the others.
 * @throws AgentError when the server knows the phone no more
 */
export async function deliver (client: ApiClient, reports: readonly Report[]): Promise<Delivery> {
  try {
    return reports.length === 1
      ? { receipts: [await post<AgentReceipt>(client, '/v1/telemetry', JSON.stringify(reports[0]))], refusals: [] }
      : readBatch(reports, await post<BatchReply>(client, '/v1/telemetry/batch', JSON.stringify({ reports })))
  } catch (error) {
    if (!(error instanceof AgentError) || error.isUnknownPhone) throw error
    if (error.isPassing) return { receipts: [], refusals: [], putOff: error }
    if (reports.length === 1) return { receipts: [], refusals: [{ report: reports[0]!, error }] }
    const half = reports.length >> 1
    const first = await deliver(client, reports.slice(0, half))
    if (first.putOff !== undefined) return first
    const second = await deliver(client, reports.slice(half))
    return { ...second, receipts: [...first.receipts, ...second.receipts], refusals: [...first.refusals, ...second.refusals] }
  }
}

/** One report or several as a body. */
async function post<T> (client: ApiClient, path: string, text: string): Promise<T> {
  const isLarge = text.length > WORTH_PACKING_BYTES
  return await client.call<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(isLarge ? { 'content-encoding': 'gzip' } : {}) },
    body: isLarge ? new Uint8Array(await gzipAsync(text)) : text
  })
}

function readBatch (reports: readonly Report[], { results }: BatchReply): Delivery {
  const receipts: AgentReceipt[] = []
  const refusals: Refusal[] = []
  let putOff: AgentError | undefined
  for (const [index, { status, resend, error }] of results.entries()) {
    const report = reports[index]!
    if (status !== 'rejected') {
      receipts.push({ reportId: report.reportId, status, resend })
      continue
    }
    const reason = new AgentError(error?.status ?? 0, error?.code ?? 'unknown', error?.detail ?? 'no reason given')
    if (reason.isPassing) putOff ??= reason
    else refusals.push({ report, error: reason })
  }
  return { receipts, refusals, ...(putOff === undefined ? {} : { putOff }) }
}
