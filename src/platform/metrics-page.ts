import { METRICS, type LabelBound, type MetricDefinition } from './metric-definitions.js'

/** The table of docs/metrics.md. */
export function renderMetrics (): string {
  const rows = Object.values<MetricDefinition>(METRICS).map(({ type, name, help, labels }) => `| \`sallyport_${name}\` | ${type} | ${describeLabels(labels)} | ${help.replaceAll('|', '\\|')} |`)
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

const describeLabels = (labels: MetricDefinition['labels']): string =>
  Object.entries(labels).map(([label, bound]) => `\`${label}\`: ${describeBound(bound)}`).join('; ')

const describeBound = (bound: LabelBound): string => 'atMost' in bound ? `${bound.atMost} values at most` : bound.map((value) => `\`${value}\``).join(', ')
