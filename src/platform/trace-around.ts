import { AsyncLocalStorage } from 'node:async_hooks'
import type { TraceParent } from './tracing.js'

/**
 * The span in which something happens, for whoever tells of it: the log. Only what is traced enters one, so without tracing
 * there is never any; and the log need not know who traces, which is decided after it was opened.
 */
export const traceAround = new AsyncLocalStorage<TraceParent | undefined>()

/** As OpenTelemetry names them in logs of other formats than its own ("Trace Context in non-OTLP Log Formats"). */
export interface TraceFields { readonly trace_id: string, readonly span_id: string }

/** Of the span around; empty where nothing is traced. */
export function traceFields (): TraceFields | Record<string, never> {
  const [, traceId, spanId] = traceAround.getStore()?.split('-') ?? []
  return traceId === undefined || spanId === undefined ? {} : { trace_id: traceId, span_id: spanId }
}
