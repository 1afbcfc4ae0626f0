import t from 'tap'
import { createMetrics } from '../../src/platform/metrics.js'

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
