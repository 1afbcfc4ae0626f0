import t from 'tap'
import { costs } from '../../bench/costs.js'

t.test('the benchmark of costs tells what each kind of report takes', async (t) => {
  const { results, checks } = await costs({ seconds: 1, queue: 'postgres', workers: 1, naive: false, phones: 60, indicators: 1, rows: 1, tell: () => {} })
  const perReport = results.perReport as Record<string, { sentBytes: number }>
  const part = { ownMs: Number, postgresMs: Number, walBytes: Number }
  for (const kind of ['first', 'heartbeat', 'appUpdate', 'events', 'snapshot', 'heartbeatOnColdPages', 'opensFinding', 'closesFinding', 'heartbeatOfManyEvents', 'changeOfManyEvents', 'eventOfManyEvents']) {
    t.match(perReport[kind], { reports: Number, sentBytes: Number, store: part, score: part }, kind)
  }
  t.strictSame(checks, { everyReportScored: true, everyFindingOpenedIsClosed: true })
  t.ok(perReport.snapshot!.sentBytes > perReport.heartbeat!.sentBytes)
  t.ok(Number(results.journalBytesPerReport) > 0)
})
