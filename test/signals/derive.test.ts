import fc from 'fast-check'
import t from 'tap'
import type { StateChange } from '../../src/devices/state-change-repository.js'
import { complianceChange, complianceOf, LIMITS } from '../../src/signals/derive/compliance.js'
import { DEVICE_COMPLIANCE_CHANGE, deriveSets, RISK_LEVEL_CHANGE } from '../../src/signals/derive/set-events.js'
import { deriveWebhooks } from '../../src/signals/derive/webhook-events.js'
import { idOf } from '../../src/signals/derive/signal-id.js'
import { describeState } from '../../src/signals/derive/words.js'
import type { Stream } from '../../src/signals/destination.js'
import { destinationRetryMs, signalRetryMs } from '../../src/signals/schedule.js'

const HEALTHS = ['activated', 'deactivated', 'secured', 'lowSeverity', 'mediumSeverity', 'highSeverity', 'unresponsive', 'misconfigured'] as const

function changeOf (more: Partial<StateChange> = {}): StateChange {
  return {
    tenantId: 't', position: 7, deviceId: 'd', entraDeviceId: 'e', at: new Date('2026-11-23T08:00:00Z'), version: 1, level: 'high', previousLevel: 'secured',
    reportingState: 'activated', previousReportingState: 'activated', health: 'highSeverity', previousHealth: 'secured', score: 80,
    reasons: [{ detection: 'app-spyware', severity: 'high', subject: 'com.example.spy' }], ...more
  }
}
const stream = { id: 's', kind: 'ssf', settings: { method: 'poll', eventsRequested: null, description: null, notCompliantFrom: 'medium' } } as unknown as Stream
const issuer = { authorityHost: 'https://login.example/', entraTenantId: 'tid' }
const eventsOf = (change: StateChange) => deriveSets(stream, change, issuer, new Date(0)).map(({ type, body }) => (body as { events: Record<string, Record<string, unknown>> }).events[type]!)

t.test('a phone is compliant below the limit, and only if somebody can vouch for it', async (t) => {
  const compliant = (limit: (typeof LIMITS)[number]): string[] => HEALTHS.filter((health) => complianceOf(health, limit) === 'compliant')
  t.strictSame(compliant('low'), ['secured'])
  t.strictSame(compliant('medium'), ['secured', 'lowSeverity'])
  t.strictSame(compliant('high'), ['secured', 'lowSeverity', 'mediumSeverity'])
  for (const health of ['unresponsive', 'misconfigured', 'deactivated'] as const) t.equal(complianceOf(health, 'high'), 'not-compliant')
  t.equal(complianceOf('activated', 'low'), undefined)
  t.equal(complianceOf(null, 'low'), undefined)
})

t.test('compliance changes are told when it changes, and a phone never judged counts as compliant', async (t) => {
  const of = (previousHealth: StateChange['previousHealth'], health: StateChange['health']) => complianceChange(changeOf({ previousHealth, health }), 'medium')
  t.strictSame(of('secured', 'highSeverity'), { previous: 'compliant', current: 'not-compliant' })
  t.strictSame(of('highSeverity', 'lowSeverity'), { previous: 'not-compliant', current: 'compliant' })
  t.equal(of('mediumSeverity', 'highSeverity'), undefined)
  t.equal(of('secured', 'lowSeverity'), undefined)
  t.equal(of(null, 'secured'), undefined)
  t.strictSame(of(null, 'mediumSeverity'), { previous: 'compliant', current: 'not-compliant' })
  t.strictSame(of('secured', 'unresponsive'), { previous: 'compliant', current: 'not-compliant' })
  t.equal(of('unresponsive', 'deactivated'), undefined)
  t.strictSame(complianceChange(changeOf({ level: null, previousLevel: null, reportingState: 'deactivated', previousReportingState: 'deactivated', health: 'deactivated', previousHealth: 'deactivated' }), 'medium'),
    { previous: 'compliant', current: 'not-compliant' }, 'what an erased phone was is not known any more')
})

t.test('what is told once more after a restore is a change, whatever was told before', async (t) => {
  const of = (health: StateChange['health']) => complianceChange(changeOf({ health, previousHealth: null, previousLevel: null, retold: true }), 'medium')
  t.strictSame(of('secured'), { previous: 'not-compliant', current: 'compliant' })
  t.strictSame(of('highSeverity'), { previous: 'compliant', current: 'not-compliant' })
  t.equal(of('activated'), undefined)
})

t.test('following all changes of a phone leads to what it is', async () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(...HEALTHS.filter((health) => health !== 'activated')), { minLength: 1 }), fc.constantFrom(...LIMITS), (healths, limit) => {
    let told = 'compliant'
    let before: StateChange['previousHealth'] = null
    for (const health of healths) {
      const change = complianceChange(changeOf({ health, previousHealth: before }), limit)
      if (change !== undefined) {
        if (change.previous !== told) return false
        told = change.current
      }
      before = health
    }
    return told === complianceOf(healths.at(-1)!, limit)
  }))
})

t.test('risk has three levels; what is between secured and low is no change of it', async (t) => {
  const risk = (previousLevel: StateChange['level'], level: StateChange['level'], more: Partial<StateChange> = {}) => eventsOf(changeOf({ previousLevel, level, health: 'secured', previousHealth: 'secured', ...more }))
  t.match(risk('secured', 'high'), [{ principal: 'DEVICE', previous_level: 'LOW', current_level: 'HIGH', event_timestamp: 1795420800 }])
  t.match(risk('high', 'secured', { reasons: [] }), [{ previous_level: 'HIGH', current_level: 'LOW', risk_reason: 'No threat found' }])
  t.strictSame(risk('secured', 'low'), [])
  t.strictSame(risk('high', 'high'), [])
  const [first] = risk(null, 'low')
  t.match(first, { current_level: 'LOW', risk_reason: 'Threat level low: app-spyware' })
  t.notOk('previous_level' in first!, 'unknown before')
})

t.test('each token has one event, an id that stays, and seconds', async (t) => {
  const made = deriveSets(stream, changeOf(), issuer, new Date(1_500))
  t.strictSame(made.map(({ type }) => type), [DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE])
  t.strictSame(deriveSets(stream, changeOf(), issuer, new Date(99_000)).map(({ id }) => id), made.map(({ id }) => id))
  t.not(made[0]!.id, made[1]!.id)
  t.not(deriveSets({ ...stream, id: 'other' }, changeOf(), issuer, new Date())[0]!.id, made[0]!.id, 'another stream, another token')
  t.match(made[0]!.body, { iat: 1, sub_id: { device: { iss: 'https://login.example/tid/v2.0', sub: 'e' } } })
})

t.test('reasons name detections, never what somebody has on a phone', async (t) => {
  t.equal(describeState(changeOf(), 'en'), 'Threat level high: app-spyware')
  t.equal(describeState(changeOf({ health: 'unresponsive', reportingState: 'unresponsive' }), 'de'), 'Das Gerät meldet sich seit zu langer Zeit nicht')
  t.equal(describeState(changeOf({ reportingState: 'misconfigured' }), 'en'), 'Threat level high: app-spyware', 'a known level counts more than missing permissions')
  t.notMatch(JSON.stringify(deriveSets(stream, changeOf(), issuer, new Date())), /com\.example\.spy/)
})

t.test('a webhook gets an event for what changed', async (t) => {
  const webhook = { id: 'w', kind: 'webhook', settings: { eventTypes: null } } as never
  const types = (more: Partial<StateChange>): string[] => deriveWebhooks(webhook, changeOf(more), undefined).map(({ type }) => type)
  t.strictSame(types({}), ['device.level.changed'])
  t.strictSame(types({ previousReportingState: 'pending' }), ['device.level.changed', 'device.state.changed'])
  t.strictSame(types({ previousLevel: 'high', reportingState: 'deactivated' }), ['device.state.changed'])
  t.strictSame(types({ previousLevel: 'high' }), [])
  t.strictSame(types({ level: null, previousLevel: null, reportingState: 'deactivated', previousReportingState: 'deactivated' }), ['device.erased'])
})

t.test('ids are UUIDs, and no two alike', async (t) => {
  const seen = new Set<string>()
  for (let n = 0; n < 1_000; n++) seen.add(idOf('x', n))
  t.equal(seen.size, 1_000)
  for (const id of seen) if (!/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) t.fail(id)
  t.not(idOf('a', 'b'), idOf('ab'))
})

t.test('attempts are spread over days for webhooks, and never end for streams', async (t) => {
  const half = (): number => 0.5
  const delays = Array.from({ length: 10 }, (_one, at) => signalRetryMs('webhook', at + 1, false, 0, half))
  t.strictSame(delays.map((ms) => ms === undefined ? null : ms / 1000), [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, null], 'the specification\'s schedule, on average')
  t.equal(signalRetryMs('webhook', 1, false, 60_000, () => 0), 60_000, 'Retry-After')
  t.equal(signalRetryMs('webhook', 1, false, 1e12, () => 0), 86_400_000, 'up to a day')
  t.equal(signalRetryMs('ssf', 1_000, false, 0, half), 600_000)
  t.equal(signalRetryMs('ocsf-https', 9, true, 0, half), 256_000)
  t.equal(signalRetryMs('ssf', 10, true), undefined, 'unless it is this one that is not taken')
  t.strictSame([1, 2, 3, 20].map((failures) => destinationRetryMs(failures, 0, () => 1)), [1_000, 2_000, 4_000, 300_000])
  t.equal(destinationRetryMs(1, 30_000), 30_000)
})
