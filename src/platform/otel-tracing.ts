import { AsyncLocalStorage } from 'node:async_hooks'
import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context, type Span as OtelSpan, type SpanContext, type Tracer } from '@opentelemetry/api'
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler, AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider, type Sampler, type SpanExporter
} from '@opentelemetry/sdk-trace'
import { SpanKind as JobSpanKind, type Telemetry } from 'bullmq'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { traceAround } from './trace-around.js'
import { NO_TRACING, type RequestSpan, type Span, type SpanAttributes, type TraceParent, type TraceSampler, type Tracing, type TracingOptions } from './tracing.js'
import { VERSION } from './version.js'

/** A collector that is away would fill the log. */
const COMPLAIN_EVERY_MS = 60_000
const CLOSE_LIMIT_MS = 5_000

/** A span that nobody keeps. */
const NOT_TRACED = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)

/** Does something in a context of OpenTelemetry's, and lets the log know its span. */
type Enter = <T>(context: Context, work: () => T) => T

type ExporterConfig = NonNullable<ConstructorParameters<typeof JsonExporter>[0]>

export function openExporter ({ protocol, headers, compression, timeoutMs }: TracingOptions, url: string): SpanExporter {
  const config: ExporterConfig = { url, headers: { ...headers }, timeoutMillis: timeoutMs, compression: compression as ExporterConfig['compression'] }
  return protocol === 'http/json' ? new JsonExporter(config) : new ProtobufExporter(config)
}

/** Traces with OpenTelemetry's SDK. Nothing is registered globally: several may be open in one process. */
export function createOtelTracing (options: Omit<TracingOptions, 'url' | 'protocol' | 'headers' | 'compression' | 'timeoutMs'>, exporter: SpanExporter): Tracing {
  const { batch, log } = options
  complainTo(log)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.serviceName, 'service.version': VERSION, 'host.name': hostname(), 'process.pid': process.pid, ...options.resourceAttributes }),
    sampler: samplerOf(options.sampler, options.samplerRatio),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: batch.delayMs, maxQueueSize: batch.maxQueueSpans, maxExportBatchSize: batch.maxBatchSpans })]
  })
  const tracer = provider.getTracer('sallyport', VERSION)
  const around = new AsyncLocalStorage<Context>()
  const enter: Enter = (context, work) => around.run(context, () => traceAround.run(traceParentOf(trace.getSpan(context)), work))
  const active = (): Context => around.getStore() ?? ROOT_CONTEXT
  const current = (): TraceParent | undefined => traceParentOf(trace.getSpan(active()))

  return {
    isOn: true,
    current,

    async inSpan (name, { kind, attributes, continues }, work) {
      const [first, ...others] = continues === undefined ? [current()] : [...new Set(continues.filter((one) => one !== null && one !== undefined))]
      const parent = contextOf(first)
      if (parent === undefined) return await enter(ROOT_CONTEXT, async () => await NO_TRACING.inSpan(name, {}, work))
      const links = others.flatMap((one) => parseTraceParent(one!) ?? []).map((context) => ({ context }))
      const span = tracer.startSpan(name, { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, links, ...(attributes === undefined ? {} : { attributes }) }, parent)
      return await enter(trace.setSpan(parent, span), async () => {
        try {
          return await work(toSpan(span))
        } catch (error) {
          noteFailure(span, error)
          throw error
        } finally {
          span.end()
        }
      })
    },

    within: async (traceParent, work) => await enter(contextOf(traceParent) ?? ROOT_CONTEXT, work),

    startRequest (name, traceParent, attributes): RequestSpan {
      // Also when the caller's own trace is not sampled: the sampler decides what to make of that.
      const caller = traceParent === undefined ? null : parseTraceParent(traceParent)
      const parent = caller === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true })
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
      return {
        run: (work) => enter(trace.setSpan(parent, span), work),
        end (attributes) {
          span.setAttributes(attributes)
          if (attributes['http.response.status_code'] >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        }
      }
    },

    queues: jobTelemetry(tracer, active, enter),

    async close () {
      let timer: NodeJS.Timeout | undefined
      const tooLong = new Promise<void>((resolve) => { timer = setTimeout(resolve, CLOSE_LIMIT_MS) })
      await Promise.race([provider.shutdown().catch((err: unknown) => log.warn({ err }, 'the last traces could not be sent')), tooLong])
      clearTimeout(timer)
    }
  }
}

/**
 * BullMQ's telemetry. Only what is done in a trace gets spans, and of that only adding and working off a job: BullMQ
 * would have one for each look for jobs as well.
 */
function jobTelemetry (tracer: Tracer, active: () => Context, enter: Enter): Telemetry<Context> {
  return {
    tracer: {
      startSpan (name, options, parent = options?.kind === JobSpanKind.CONSUMER ? ROOT_CONTEXT : active()) {
        const kind = options?.kind
        const isTraced = traceParentOf(trace.getSpan(parent)) !== undefined && (kind === JobSpanKind.PRODUCER || kind === JobSpanKind.CONSUMER)
        const span = isTraced ? tracer.startSpan(name, { kind: kind === JobSpanKind.PRODUCER ? SpanKind.PRODUCER : SpanKind.CONSUMER }, parent) : NOT_TRACED
        return {
          // A job without a trace must not get into the one of whatever the worker did before.
          setSpanOnContext: (context) => isTraced ? trace.setSpan(context, span) : kind === JobSpanKind.CONSUMER ? ROOT_CONTEXT : context,
          setAttribute: (key, value) => { span.setAttribute(key, value) },
          setAttributes: (attributes) => { span.setAttributes(attributes) },
          addEvent: (event, attributes) => { span.addEvent(event, attributes) },
          recordException: (error) => noteFailure(span, error),
          end: () => span.end()
        }
      }
    },
    contextManager: {
      with: (context, work) => enter(context, work),
      active,
      root: () => ROOT_CONTEXT,
      getMetadata: (context) => traceParentOf(trace.getSpan(context)) ?? '',
      fromMetadata: (_active, metadata) => contextOf(metadata) ?? ROOT_CONTEXT
    }
  }
}

const toSpan = (span: OtelSpan): Span => {
  const traceParent = traceParentOf(span)
  const { traceId } = span.spanContext()
  return {
    traceParent,
    set: (attributes: SpanAttributes) => { span.setAttributes(attributes) },
    nextOf: (other) => other === null || other === undefined ? null : traceParent !== undefined && parseTraceParent(other)?.traceId === traceId ? traceParent : other
  }
}

const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0

function traceParentOf (span: OtelSpan | undefined): TraceParent | undefined {
  const context = span?.spanContext()
  return context === undefined || !isSampled(context) ? undefined : `00-${context.traceId}-${context.spanId}-01`
}

function contextOf (traceParent: TraceParent | null | undefined): Context | undefined {
  const context = traceParent === null || traceParent === undefined ? null : parseTraceParent(traceParent)
  return context === null || !isSampled(context) ? undefined : trace.setSpanContext(ROOT_CONTEXT, { ...context, isRemote: true })
}

/** Only of what kind: messages may quote what a phone said. */
function noteFailure (span: OtelSpan, error: unknown): void {
  const { code, name } = error as { readonly code?: unknown, readonly name?: unknown }
  span.setAttribute('error.type', typeof code === 'string' ? code : typeof name === 'string' ? name : 'error')
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function samplerOf (name: TraceSampler, ratio: number): Sampler {
  const base = name.replace('parentbased_', '')
  const root = base === 'always_on' ? new AlwaysOnSampler() : base === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function complainTo (log: Logger): void {
  let until = 0
  setGlobalErrorHandler((err) => {
    if (Date.now() < until) return
    until = Date.now() + COMPLAIN_EVERY_MS
    log.warn({ err }, 'traces could not be sent')
  })
}
