import { METRICS, type MetricDefinition } from '../../src/platform/metric-definitions.js'

/** A metric that an expression asks for, with the labels it chooses by. */
export interface Selector {
  readonly metric: string
  readonly matchers: ReadonlyArray<{ readonly label: string, readonly operator: string, readonly value: string }>
}

/** Labels that Prometheus adds to all it scrapes. */
export const SCRAPE_LABELS: ReadonlySet<string> = new Set(['instance', 'job'])
const DEFINITIONS = new Map<string, MetricDefinition>(Object.values<MetricDefinition>(METRICS).map((definition) => [`sallyport_${definition.name}`, definition]))

/** Every metric of ours, and `up`, in an expression. */
export function selectorsOf (expression: string): Selector[] {
  return [...expression.matchAll(/\b(sallyport_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?/g)].map(([, metric, inside = '']) => ({
    metric: metric!,
    matchers: [...inside.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label, operator, value]) => ({ label: label!, operator: operator!, value: value! }))
  }))
}

/** Labels that an expression groups by. */
export const groupingsOf = (expression: string): string[] => [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(',').map((label) => label.trim()))

/** What is wrong with what an expression asks of our metrics, in words. */
export function faultsOf (expression: string): string[] {
  const faults: string[] = []
  const labels = new Set(SCRAPE_LABELS)
  for (const { metric, matchers } of selectorsOf(expression)) {
    const base = DEFINITIONS.get(metric) ?? DEFINITIONS.get(metric.replace(/_(?:bucket|sum|count)$/, ''))
    if (metric !== base?.name && base?.type === 'histogram') labels.add('le')
    for (const label of Object.keys(base?.labels ?? {})) labels.add(label)
    for (const { label, operator, value } of matchers) {
      if (SCRAPE_LABELS.has(label)) continue
      const bound = base?.labels[label]
      if (bound === undefined) {
        faults.push(`${metric} has no label ${label}`)
      } else if (!('atMost' in bound)) {
        const wanted = operator.endsWith('~') ? value.split('|') : [value]
        for (const one of wanted) if (!bound.includes(one)) faults.push(`${metric}: ${label} is never ${one}`)
      }
    }
  }
  for (const label of groupingsOf(expression)) if (!labels.has(label)) faults.push(`nothing has a label ${label} to group by`)
  return faults
}
