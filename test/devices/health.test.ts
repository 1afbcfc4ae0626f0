import t from 'tap'
import { silentAt, toHealth, toReportingState } from '../../src/devices/health.js'

const NOW = new Date('2026-11-23T08:00:00Z')

t.test('a level goes out in Intune\'s words', async (t) => {
  t.strictSame((['secured', 'low', 'medium', 'high'] as const).map((level) => toHealth('activated', level, ['os'])),
    ['secured', 'lowSeverity', 'mediumSeverity', 'highSeverity'])
  t.equal(toHealth('activated', null, []), 'activated')
  t.equal(toHealth('pending', null, []), 'activated')
})

t.test('a missing permission never hides a danger', async (t) => {
  t.equal(toHealth('misconfigured', 'high', ['apps']), 'highSeverity')
  t.equal(toHealth('misconfigured', 'low', []), 'lowSeverity')
  t.equal(toHealth('misconfigured', 'secured', ['os']), 'secured')
  t.equal(toHealth('misconfigured', 'secured', []), 'misconfigured')
  t.equal(toHealth('misconfigured', null, []), 'misconfigured')
})

t.test('silence and the end outweigh the level', async (t) => {
  t.equal(toHealth('unresponsive', 'high', ['os']), 'unresponsive')
  t.equal(toHealth('deactivated', 'secured', ['os']), 'deactivated')
})

t.test('a phone is unresponsive from the moment the silence is long enough', async (t) => {
  const at = silentAt(NOW, 7)
  t.equal(at.toISOString(), '2026-11-30T08:00:00.000Z')
  t.equal(silentAt(new Date(NOW.getTime() + 1), 7).toISOString(), '2026-11-30T08:00:00.001Z')
  const input = { lastReportAt: NOW, missingPermissions: [], silenceDays: 7 }
  t.equal(toReportingState({ ...input, now: new Date(at.getTime() - 1) }), 'activated')
  t.equal(toReportingState({ ...input, now: at }), 'unresponsive')
  t.equal(toReportingState({ ...input, missingPermissions: ['location'], now: NOW }), 'misconfigured')
})
