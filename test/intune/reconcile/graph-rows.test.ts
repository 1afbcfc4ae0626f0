import t from 'tap'
import { driftKind, platformOf, threatStateName, threatStateNumber, THREAT_STATES } from '../../../src/devices/directory-vocabulary.js'
import { readEntraChanges, readGroupChanges, readManagedDevice } from '../../../src/intune/reconcile/graph-rows.js'
import { decideHeal } from '../../../src/intune/reconcile/heal-drift.js'

const ID = '11111111-2222-4333-8444-555555555555'
const OTHER = '11111111-2222-4333-8444-666666666666'

t.test('numbers of threat states are Graph\'s', async (t) => {
  for (const name of THREAT_STATES) t.equal(threatStateName(threatStateNumber(name)), name)
  t.equal(threatStateNumber('highSeverity'), 6)
  t.equal(threatStateNumber('misconfigured'), 9)
  t.equal(threatStateNumber('somethingNew'), null)
})

t.test('platforms by every spelling in use', async (t) => {
  for (const [system, model, platform] of [
    ['Android', '', 'android'], ['AndroidForWork', '', 'android'], ['AndroidEnterprise', '', 'android'], ['iOS', 'iPhone 15', 'ios'], ['iOS', 'iPad Air', 'ipados'],
    ['iPadOS', '', 'ipados'], ['IPhone', '', 'ios'], ['IPad', '', 'ipados'], ['Windows', '', undefined], ['MacMDM', '', undefined], [null, '', undefined]
  ] as const) t.equal(platformOf(system, model), platform, String(system))
})

t.test('a managed phone without an Entra id is no phone of ours, and none is made up', async (t) => {
  for (const azureADDeviceId of ['', '00000000-0000-0000-0000-000000000000', null, undefined, 'x']) {
    t.strictSame(readManagedDevice({ operatingSystem: 'Android', azureADDeviceId }), { skipped: 'no-entra-id' })
  }
  t.strictSame(readManagedDevice(null), { skipped: 'no-phone' })
  t.match(readManagedDevice({ operatingSystem: 'iOS', azureADDeviceId: ID.toUpperCase(), enrolledDateTime: '0001-01-01T00:00:00Z', lastSyncDateTime: '9999-12-31T23:59:59Z', deviceName: 'a\0b', partnerReportedThreatState: 'secured' }),
    { entry: { entraDeviceId: ID, enrolledAt: null, checkedInAt: null, deviceName: 'ab', threatState: 3, serialNumber: null } })
})

t.test('of a device that a change list tells twice the last mention counts', async (t) => {
  const there = { id: ID, deviceId: OTHER, operatingSystem: 'Android' }
  const gone = { id: ID, '@removed': { reason: 'deleted' } }
  t.match(readEntraChanges([there, gone]), { entries: [], removed: [ID] })
  t.match(readEntraChanges([gone, there, there]), { entries: { length: 1 }, removed: [] })
})

t.test('members who come and go; the last mention counts, nested groups are counted', async (t) => {
  const read = readGroupChanges([
    { id: ID, displayName: 'G', 'members@delta': [{ '@odata.type': '#microsoft.graph.user', id: OTHER }, { '@odata.type': '#microsoft.graph.group', id: ID }] },
    { id: ID, 'members@delta': [{ '@odata.type': '#microsoft.graph.user', id: OTHER, '@removed': { reason: 'deleted' } }] },
    { id: OTHER, '@removed': { reason: 'changed' } }
  ])
  t.strictSame(read.changes, [{ entraGroupId: ID, memberId: OTHER, isRemoved: true }, { entraGroupId: ID, memberId: ID, isRemoved: false }])
  t.match(read, { deleted: [OTHER], nested: 1 })
  t.equal(read.names.get(ID), 'G')
})

t.test('kinds of drift', async (t) => {
  for (const [ours, held, kind] of [
    ['secured', 'secured', undefined], ['secured', null, undefined], ['highSeverity', 'unknown', 'lost'], ['highSeverity', 'secured', 'milder'], ['secured', 'mediumSeverity', 'harsher'],
    ['highSeverity', 'compromised', 'harsher'], ['secured', 'unresponsive', 'other'], ['deactivated', 'secured', 'other']
  ] as const) t.equal(driftKind(ours, held), kind, `${ours} and ${held}`)
})

t.test('a state is sent again five times, with growing pauses, and a new one from the beginning', async (t) => {
  const now = new Date('2026-11-29T12:00:00Z')
  const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000)
  t.equal(decideHeal({ version: 3, heals: 0, healVersion: null, healedAt: null }, now), 'heal')
  t.equal(decideHeal({ version: 3, heals: 1, healVersion: 3, healedAt: ago(4) }, now), 'wait')
  t.equal(decideHeal({ version: 3, heals: 1, healVersion: 3, healedAt: ago(5) }, now), 'heal')
  t.equal(decideHeal({ version: 3, heals: 3, healVersion: 3, healedAt: ago(19) }, now), 'wait')
  t.equal(decideHeal({ version: 3, heals: 3, healVersion: 3, healedAt: ago(20) }, now), 'heal')
  t.equal(decideHeal({ version: 3, heals: 5, healVersion: 3, healedAt: ago(9_999) }, now), 'give-up')
  t.equal(decideHeal({ version: 4, heals: 5, healVersion: 3, healedAt: now }, now), 'heal')
})
