import t from 'tap'
import { fitCost, predictWal, type Phase } from '../../bench/predict.js'

const phase = (reports: number, groups: number, api: number): Phase => ({ reports, groups, perSecond: 1, walBytes: 0, cpuMs: { api } })

t.test('what a report takes is predicted from a phase with large groups and one with small ones', (t) => {
  // 0.5 ms a report and 2 ms a group.
  const full = phase(1_000, 10, 520)
  const slow = phase(100, 50, 150)
  t.strictSame(fitCost([full, slow], phase(400, 40, 280), 'api'), { predicted: 0.7, measured: 0.7, ratio: 1 })
  t.strictSame(fitCost([full, slow], phase(400, 40, 420), 'api'), { predicted: 0.7, measured: 1.05, ratio: 1.5 }, 'more than predicted')
  t.end()
})

t.test('phases whose groups are alike predict what a report took', (t) => {
  t.strictSame(fitCost([phase(1_000, 10, 500), phase(500, 5, 900)], phase(100, 10, 50), 'api'), { predicted: 0.5, measured: 0.5, ratio: 1 })
  t.end()
})

t.test('few reports in a large table write a page each, many in a small one hardly any', (t) => {
  const bytes = { hot: 2_000, cold: 10_000 }
  t.equal(predictWal(bytes, { reports: 10, walBytes: 100_000, pages: 1_000_000 }).predicted, 10_000)
  t.equal(predictWal(bytes, { reports: 100_000, walBytes: 1, pages: 100 }).predicted, 2_010)
  t.end()
})
