import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Test } from 'tap'
import { createOtelTracing } from '../../src/platform/otel-tracing.js'
import type { TraceSampler, Tracing } from '../../src/platform/tracing.js'
import { silentLog } from './log.js'

export interface RecordedTracing {
  readonly tracing: Tracing
  /** What has ended so far. */
  readonly spans: ReadableSpan[]
  /** By the name; fails when there is none. */
  named (name: string): ReadableSpan
}

/** Tracing whose spans stay in memory; each is there as soon as it has ended. */
export function recordTraces (t: Test, options: { readonly sampler?: TraceSampler, readonly samplerRatio?: number } = {}): RecordedTracing {
  const spans: ReadableSpan[] = []
  const exporter: SpanExporter = {
    export (ended, done) {
      spans.push(...ended)
      done({ code: 0 })
    },
    async shutdown () {}
  }
  const tracing = createOtelTracing({
    sampler: options.sampler ?? 'parentbased_always_on',
    samplerRatio: options.samplerRatio ?? 1,
    serviceName: 'sallyport test',
    resourceAttributes: { 'deployment.environment.name': 'test' },
    batch: { delayMs: 5, maxQueueSpans: 2_048, maxBatchSpans: 512 },
    log: silentLog
  }, exporter)
  t.teardown(async () => await tracing.close())
  return {
    tracing,
    spans,
    named (name) {
      const found = spans.find((span) => span.name === name)
      if (found === undefined) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(', ')}`)
      return found
    }
  }
}

export const traceIdOf = (span: ReadableSpan): string => span.spanContext().traceId
/** As in the header `traceparent`. */
export const traceParentOf = (span: ReadableSpan): string => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`
/** Trace ids that a span is linked to. */
export const linksOf = (span: ReadableSpan): string[] => span.links.map(({ context }) => context.traceId)
