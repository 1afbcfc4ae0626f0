import t from 'tap'
import { precision } from '../../bench/precision.js'

t.test('healthy phones with all that alarms bad rules have nothing above low, and an analyst agrees about the phones of files', async (t) => {
  const told: string[] = []
  const { results, checks } = await precision({ phones: 60, seconds: 1, queue: 'postgres', workers: 1, naive: false, indicators: 0, rows: 1, tell: (message) => { told.push(message) } })
  t.strictSame(Object.entries(checks).filter(([, holds]) => !holds), [], told.join('\n'))
  t.equal(results.healthyPhones, 60)
  t.equal(results.aboveLow, 0)
  const settled = results.settledByPolicy as Record<string, number>
  t.ok((settled['net-user-ca'] ?? 0) > 0 && (settled['app-accessibility-service'] ?? 0) > 0, 'what the organisation declares would alarm without that')
})
