import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { openTracing, type Tracing } from '../platform/tracing.js'

/** Traces as the standard variables of OpenTelemetry ask for them; none by default. */
export async function tracingOf (config: Config, log: Logger): Promise<Tracing> {
  return await openTracing({
    url: config.OTEL_SDK_DISABLED ? undefined : tracesUrl(config),
    protocol: config.OTEL_EXPORTER_OTLP_PROTOCOL,
    headers: readPairs(config.OTEL_EXPORTER_OTLP_HEADERS),
    compression: config.OTEL_EXPORTER_OTLP_COMPRESSION,
    timeoutMs: config.OTEL_EXPORTER_OTLP_TIMEOUT,
    sampler: config.OTEL_TRACES_SAMPLER,
    samplerRatio: config.OTEL_TRACES_SAMPLER_ARG,
    serviceName: config.OTEL_SERVICE_NAME,
    resourceAttributes: readPairs(config.OTEL_RESOURCE_ATTRIBUTES),
    batch: { delayMs: config.OTEL_BSP_SCHEDULE_DELAY, maxQueueSpans: config.OTEL_BSP_MAX_QUEUE_SIZE, maxBatchSpans: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE },
    log
  })
}

/** The general address is that of the collector, the other one that of its traces (OpenTelemetry Protocol Exporter, “Endpoint URLs”). */
function tracesUrl ({ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole }: Config): string | undefined {
  return whole ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`)
}

/** `a=1,b=x%20y` → { a: '1', b: 'x y' }; the configuration has checked its form. */
function readPairs (text: string | undefined): Record<string, string> {
  return Object.fromEntries((text ?? '').split(',').map((pair) => pair.trim()).filter((pair) => pair !== '').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), decode(pair.slice(at + 1))]
  }))
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone percent sign is meant as it stands.
    return text
  }
}
