import t from 'tap'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import { METRICS, type MetricDefinition } from '../../src/platform/metric-definitions.js'
import { createMetrics, OTHER } from '../../src/platform/metrics.js'

t.test('the page has every metric of the contract, with a type and a help text', async (t) => {
  const metrics = createMetrics()
  metrics.reports.inc({ status: 'accepted' }, 3)
  metrics.acceptSeconds.observe(0.003)
  const { contentType, body } = await metrics.render()
  t.match(contentType, /^text\/plain/)
  const names = ['reports_total', 'accept_seconds', 'report_to_intune_seconds', 'journal_batch_reports', 'queue_jobs', 'queue_oldest_waiting_seconds', 'queue_failures_total',
    'findings_open', 'devices', 'intel_entries', 'intel_feed_age_seconds', 'intune_calls_total', 'sync_lag_seconds', 'heartbeat_age_seconds', 'intune_connectors']
  for (const name of names) {
    t.match(body, new RegExp(`^# HELP sallyport_\\w*${name} .`, 'm'), name)
    t.match(body, new RegExp(`^# TYPE sallyport_\\w*${name} `, 'm'), name)
  }
  t.match(body, 'sallyport_reports_total{status="accepted"} 3')
  t.match(body, 'sallyport_accept_seconds_bucket{le="0.005"} 1')
})

t.test('what the database knows is asked for at each scrape', async (t) => {
  const metrics = createMetrics()
  let devices = 0
  metrics.onScrape(async () => metrics.devices.set({ level: 'high', state: 'activated' }, ++devices))
  await metrics.render()
  t.match((await metrics.render()).body, 'sallyport_devices{level="high",state="activated"} 2')
})

t.test('two processes\' worth of metrics do not mix', async (t) => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.reportsScored.inc()
  t.match((await one.render()).body, 'sallyport_reports_scored_total 1')
  t.match((await other.render()).body, 'sallyport_reports_scored_total 0')
})

/** Series of a metric on the page; of a histogram none, for it has no labels. */
const seriesOf = (page: string, name: string): string[] => page.split('\n').filter((line) => line.startsWith(`sallyport_${name}{`))

/** Any metric with labels, whatever they are. */
interface AnyMetric { inc (labels: Record<string, string>, value?: number): void, set (labels: Record<string, string>, value: number): void, reset (): void }

t.test('no label grows, whatever is counted', async (t) => {
  const metrics = createMetrics()
  for (const [key, { type, name, labels }] of Object.entries<MetricDefinition>(METRICS)) {
    const names = Object.keys(labels)
    if (names.length === 0) continue
    const metric = metrics[key as 'reports'] as unknown as AnyMetric
    for (let count = 0; count < 1_000; count++) {
      const values = Object.fromEntries(names.map((label) => [label, `${label} ${count}`]))
      if (type === 'counter') metric.inc(values)
      else metric.set(values, count)
    }
    const found = seriesOf((await metrics.render()).body, name)
    const most = names.reduce((product, label) => {
      const bound = labels[label]!
      return product * (('atMost' in bound ? bound.atMost : bound.length) + 1)
    }, 1)
    t.ok(found.length <= most && most <= 1_000, `${name}: ${found.length} series, at most ${most}`)
    t.ok(found.some((line) => line.includes(`="${OTHER}"`)), `${name}: the rest is counted together`)
    for (const label of names) {
      const bound = labels[label]!
      t.notOk(/tenant|device|phone|user|address|subject|email/.test(label), `${name} has no label for whom it is about`)
      if (!('atMost' in bound)) t.strictSame([...new Set(found.map((line) => new RegExp(`${label}="([^"]*)"`).exec(line)![1]!))].filter((value) => value !== OTHER && !bound.includes(value)), [], `${name}: ${label} has the listed values only`)
    }
  }
})

t.test('a counter begins at 0 for all it may count, so that the first event is a rise', async (t) => {
  const { body } = await createMetrics().render()
  t.match(body, /^sallyport_queue_failures_total\{queue="score"\} 0$/m)
  t.match(body, /^sallyport_intune_calls_total\{kind="upload",outcome="no-answer"\} 0$/m)
  t.notMatch(body, /^sallyport_queue_jobs\{/m, 'but what nobody has looked at is not 0')
})

t.test('of a gauge, the values out of bounds are shown by the largest, and what has gone makes room', async (t) => {
  const metrics = createMetrics()
  const { atMost } = METRICS.intelAgeSeconds.labels.feed
  for (let feed = 0; feed < atMost + 3; feed++) metrics.intelAgeSeconds.set({ feed: `feed-${feed}` }, feed === atMost ? 7_000 : feed)
  t.match((await metrics.render()).body, `sallyport_intel_feed_age_seconds{feed="${OTHER}"} 7000`)
  metrics.intelAgeSeconds.reset()
  metrics.intelAgeSeconds.set({ feed: 'a new one' }, 1)
  t.strictSame(seriesOf((await metrics.render()).body, 'intel_feed_age_seconds'), ['sallyport_intel_feed_age_seconds{feed="a new one"} 1'])
})

t.test('the bounds have room for what there is', async (t) => {
  t.ok(DETECTIONS.length * 2 < METRICS.findings.labels.detection.atMost, `${DETECTIONS.length} detections`)
})
