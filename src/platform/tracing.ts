import type { Telemetry } from 'bullmq'
import type { Logger } from 'pino'

/** W3C trace context of a sampled span, `00-<trace id>-<span id>-01`: with it a trace goes on elsewhere, also from a row of the database. */
export type TraceParent = string

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>

export interface Span {
  /** Undefined: not traced. */
  readonly traceParent: TraceParent | undefined
  set (attributes: SpanAttributes): void
  /** What of that trace goes on after this span: the span where it is the same trace, else what was given. Null: not traced. */
  nextOf (traceParent: TraceParent | null | undefined): TraceParent | null
}

export interface SpanOptions {
  /** `client`: the time is somebody else's; `internal` by default. */
  readonly kind?: 'client' | 'internal'
  readonly attributes?: SpanAttributes
  /**
   * For work on many things at once: the span goes on with the first of these traces and is linked to
   * the others; without any the work is not traced, whatever span is around. Not given: a child of the span around.
   */
  readonly continues?: ReadonlyArray<TraceParent | null | undefined>
}

/** The span of a request. Ends by hand. */
export interface RequestSpan {
  /** What is called from here on, also later, is in the span. */
  run (work: () => void): void
  end (attributes: SpanAttributes & { readonly 'http.response.status_code': number }): void
}

/**
 * Traces in the manner of OpenTelemetry. They begin with requests only; what happens without one, or in one that is not sampled,
 * has no spans. Spans name no phone and no person.
 */
export interface Tracing {
  readonly isOn: boolean
  /** Does something in a span, which ends with it and knows whether it failed. */
  inSpan<T> (name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>
  /** Does something in the span of another process or of the past, without a span of its own. */
  within<T> (traceParent: TraceParent | null | undefined, work: () => Promise<T>): Promise<T>
  /** The span around; undefined: not traced. */
  current (): TraceParent | undefined
  /** @param traceParent the caller's header, if it sent one; what is malformed counts as none */
  startRequest (name: string, traceParent: string | undefined, attributes: SpanAttributes): RequestSpan
  /** Carries traces over the queues. */
  readonly queues: Telemetry | undefined
  /** Sends what was not sent yet. */
  close (): Promise<void>
}

/** A ratio counts for the two samplers that have one. */
export type TraceSampler = 'always_on' | 'always_off' | 'traceidratio' | 'parentbased_always_on' | 'parentbased_always_off' | 'parentbased_traceidratio'

export interface TracingOptions {
  /** Where spans are posted to, such as `http://collector:4318/v1/traces`; undefined: nothing is traced. */
  readonly url: string | undefined
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly headers: Readonly<Record<string, string>>
  readonly compression: 'gzip' | 'none'
  readonly timeoutMs: number
  readonly sampler: TraceSampler
  /** 0 to 1. */
  readonly samplerRatio: number
  readonly serviceName: string
  readonly resourceAttributes: Readonly<Record<string, string>>
  readonly batch: { readonly delayMs: number, readonly maxQueueSpans: number, readonly maxBatchSpans: number }
  readonly log: Logger
}

const NO_SPAN: Span = { traceParent: undefined, set () {}, nextOf: (traceParent) => traceParent ?? null }

/** Nothing is traced; costs a call. */
export const NO_TRACING: Tracing = {
  isOn: false,
  inSpan: async (_name, _options, work) => await work(NO_SPAN),
  within: async (_traceParent, work) => await work(),
  current: () => undefined,
  startRequest: () => ({ run: (work) => work(), end () {} }),
  queues: undefined,
  async close () {}
}

/** OpenTelemetry's SDK takes a quarter of a second to load and some memory, so it is loaded only where it is wanted. */
export async function openTracing (options: TracingOptions): Promise<Tracing> {
  if (options.url === undefined) return NO_TRACING
  const { createOtelTracing, openExporter } = await import('./otel-tracing.js')
  return createOtelTracing(options, openExporter(options, options.url))
}
