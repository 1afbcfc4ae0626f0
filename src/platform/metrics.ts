import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { METRICS, type LabelBound, type MetricDefinition } from './metric-definitions.js'
import { VERSION } from './version.js'

type Definitions = typeof METRICS
type LabelsOf<D extends MetricDefinition> = Extract<keyof D['labels'], string>
type MetricOf<D extends MetricDefinition> = D['type'] extends 'counter' ? Counter<LabelsOf<D>> : D['type'] extends 'gauge' ? Gauge<LabelsOf<D>> : Histogram

export type Metrics = { readonly [M in keyof Definitions]: MetricOf<Definitions[M]> } & {
  /** Asks the database before each scrape; several may ask at once. */
  onScrape (ask: () => Promise<void>): void
  /** The page for Prometheus. */
  render (): Promise<{ readonly contentType: string, readonly body: string }>
}

/** What stands for all values that a label has no room for. */
export const OTHER = 'other'

/**
 * Everything that METRICS names. No label can grow: a value out of bounds counts as `other`; of a gauge that is the
 * largest of them. What the database knows is asked for when it is scraped, see `onScrape`.
 */
export function createMetrics (): Metrics {
  const registry = new Registry()
  const askOnScrape: Array<() => Promise<void>> = []
  collectDefaultMetrics({ register: registry, prefix: 'sallyport_' })

  const metrics = Object.fromEntries(Object.entries(METRICS).map(([name, definition]) => [name, createMetric(definition, registry)])) as { [M in keyof Definitions]: MetricOf<Definitions[M]> }
  metrics.buildInfo.set({ version: VERSION, node: process.version }, 1)
  return {
    ...metrics,
    onScrape (ask) {
      askOnScrape.push(ask)
    },
    async render () {
      await Promise.all(askOnScrape.map(async (ask) => await ask()))
      return { contentType: registry.contentType, body: await registry.metrics() }
    }
  }
}

function createMetric ({ type, name, help, labels, buckets }: MetricDefinition, registry: Registry): Counter | Gauge | Histogram {
  const options = { name: `sallyport_${name}`, help, labelNames: Object.keys(labels), registers: [registry] }
  if (type === 'histogram') return new Histogram({ ...options, buckets: [...buckets ?? []] })
  if (type === 'counter') return boundCounter(new Counter(options), labels)
  return boundGauge(new Gauge(options), labels)
}

type Values = Record<string, string | number>

/** What a label may say, as its bound allows; what came up counts as long as the metric lives, or until it is forgotten. */
function createBounds (labels: MetricDefinition['labels']): { readonly within: (values: Values) => Values, forget (): void } {
  const known = new Map(Object.entries(labels).map(([label, bound]) => [label, new Set(isList(bound) ? bound : [])]))
  return {
    within: (values) => Object.fromEntries(Object.entries(values).map(([label, value]) => {
      const values = known.get(label)
      const bound = labels[label]
      // A label that the metric does not have is for prom-client to refuse.
      if (values === undefined || bound === undefined || values.has(String(value))) return [label, value]
      if (isList(bound) || values.size >= bound.atMost) return [label, OTHER]
      values.add(String(value))
      return [label, value]
    })),
    forget () {
      for (const [label, values] of known) if (!isList(labels[label]!)) values.clear()
    }
  }
}

const isList = (bound: LabelBound): bound is readonly string[] => Array.isArray(bound)

function boundCounter (counter: Counter, labels: MetricDefinition['labels']): Counter {
  if (Object.keys(labels).length === 0) return counter
  const bounds = createBounds(labels)
  const inc = counter.inc.bind(counter)
  counter.inc = ((values: Values, value?: number) => inc(bounds.within(values), value)) as Counter['inc']
  // From 0, so that the first event is a rise as well: Prometheus sees none where a series begins.
  for (const values of combinations(Object.entries(labels))) inc(values, 0)
  return counter
}

function boundGauge (gauge: Gauge, labels: MetricDefinition['labels']): Gauge {
  if (Object.keys(labels).length === 0) return gauge
  const bounds = createBounds(labels)
  const largest = new Map<string, number>()
  const set = gauge.set.bind(gauge)
  const reset = gauge.reset.bind(gauge)
  gauge.set = ((values: Values, value: number) => {
    const within = bounds.within(values)
    const key = Object.values(within).includes(OTHER) ? JSON.stringify(within) : undefined
    if (key === undefined) return set(within, value)
    largest.set(key, Math.max(value, largest.get(key) ?? -Infinity))
    set(within, largest.get(key)!)
  }) as Gauge['set']
  gauge.reset = () => {
    bounds.forget()
    largest.clear()
    reset()
  }
  return gauge
}

/** Every combination of the labels' values; none where a label has no list of them. */
function combinations (labels: ReadonlyArray<readonly [string, LabelBound]>): Values[] {
  return labels.reduce<Values[]>((found, [label, bound]) => found.flatMap((values) => (isList(bound) ? bound : []).map((value) => ({ ...values, [label]: value }))), [{}])
}
