import t from 'tap'
import { isWithinLimit, judgeThreatRule, mergeJudgements, type PolicyJudgement } from '../../../src/simulator/intune/compliance.js'
import { newConnector } from '../../../src/simulator/intune/connector.js'
import { deriveAccess } from '../../../src/simulator/intune/access.js'
import type { CompliancePolicy } from '../../../src/simulator/intune/compliance-policy.js'
import { THREAT_STATES, type ThreatLimit, type ThreatState } from '../../../src/simulator/intune/vocabulary.js'

const LEVELS: readonly ThreatState[] = ['secured', 'lowSeverity', 'mediumSeverity', 'highSeverity']
const LIMITS: readonly ThreatLimit[] = ['secured', 'low', 'medium', 'high']
const HOUR_MS = 3_600_000

t.test('a level is compliant up to the limit and noncompliant above it', async (t) => {
  const matrix = LIMITS.map((limit) => LEVELS.map((level) => isWithinLimit(level, limit) === true ? 'C' : 'N').join(''))
  t.strictSame(matrix, ['CNNN', 'CCNN', 'CCCN', 'CCCC'])
})

t.test('a compromised device is within no limit but high', async (t) => {
  t.strictSame(LIMITS.map((limit) => isWithinLimit('compromised', limit)), [false, false, false, true])
})

t.test('states that carry no level are neither within nor beyond a limit', async (t) => {
  const without = THREAT_STATES.filter((state) => isWithinLimit(state, 'low') === undefined)
  t.strictSame(without, ['unknown', 'activated', 'deactivated', 'unresponsive', 'misconfigured'])
})

t.test('without usable data the connector\'s switch for missing data decides', async (t) => {
  const connector = newConnector('c')
  connector.switches.androidEnabled = true
  for (const blocked of [false, true]) {
    connector.switches.androidDeviceBlockedOnMissingPartnerData = blocked
    const expected = blocked ? 'noncompliant' : 'compliant'
    t.equal(judgeThreatRule({ platform: 'android', threatState: 'activated' }, 'low', connector, 'enabled').result, expected, 'no level')
    t.equal(judgeThreatRule({ platform: 'android', threatState: 'highSeverity' }, 'low', connector, 'unresponsive').result, expected, 'unresponsive: high is ignored')
    t.equal(judgeThreatRule({ platform: 'android', threatState: 'secured' }, 'low', connector, 'unavailable').result, expected, 'unavailable: secured is ignored')
  }
})

t.test('a platform whose switch is off is not judged by partner data', async (t) => {
  const connector = newConnector('c')
  connector.switches.iosEnabled = true
  connector.switches.androidDeviceBlockedOnMissingPartnerData = true
  t.equal(judgeThreatRule({ platform: 'android', threatState: 'highSeverity' }, 'secured', connector, 'enabled').result, 'compliant')
  t.equal(judgeThreatRule({ platform: 'ipados', threatState: 'highSeverity' }, 'secured', connector, 'enabled').result, 'noncompliant')
})

const judgement = (id: string, result: PolicyJudgement['result'], gracePeriodHours = 0): PolicyJudgement =>
  ({ policy: { id, displayName: id, gracePeriodHours } as CompliancePolicy, result, reason: '' })

t.test('of several policies the worst result wins', async (t) => {
  const state = (...results: PolicyJudgement[]): string => mergeJudgements(results, undefined, false, 0).state
  t.equal(state(judgement('a', 'compliant'), judgement('b', 'noncompliant'), judgement('c', 'notApplicable')), 'noncompliant')
  t.equal(state(judgement('a', 'compliant'), judgement('b', 'noncompliant', 1)), 'inGracePeriod')
  t.equal(state(judgement('a', 'noncompliant'), judgement('b', 'noncompliant', 1)), 'noncompliant')
  t.equal(state(judgement('a', 'compliant'), judgement('b', 'notApplicable')), 'compliant')
})

t.test('without a policy that applies the tenant\'s default decides', async (t) => {
  t.equal(mergeJudgements([], undefined, false, 0).state, 'compliant')
  t.equal(mergeJudgements([], undefined, true, 0).state, 'noncompliant')
  t.equal(mergeJudgements([judgement('a', 'notApplicable')], undefined, true, 0).state, 'noncompliant')
})

t.test('grace lasts exactly its hours from the moment the policy was broken', async (t) => {
  const since = new Map([['a', 1000]])
  const at = (nowMs: number): object => {
    const { state, graceEndsAtMs } = mergeJudgements([judgement('a', 'noncompliant', 2)], since, false, nowMs)
    return { state, graceEndsAtMs }
  }
  t.strictSame(at(1000 + 2 * HOUR_MS - 1), { state: 'inGracePeriod', graceEndsAtMs: 1000 + 2 * HOUR_MS })
  t.strictSame(at(1000 + 2 * HOUR_MS), { state: 'noncompliant', graceEndsAtMs: null })
})

t.test('access follows compliance only where a policy covers the resource and the user', async (t) => {
  const groups = new Map([['g', { id: 'g', displayName: 'g', kind: 'user' as const, members: new Map([['alice', 1]]), left: new Map(), change: 1 }]])
  const conditionalAccess = [{ displayName: 'everyone', resources: ['exchange' as const], state: 'enabled' as const }, { displayName: 'group', resources: ['wifi' as const], groups: ['g'], state: 'enabled' as const },
    { displayName: 'off', resources: ['onedrive' as const], state: 'disabled' as const }, { displayName: 'watching', resources: ['onedrive' as const], state: 'enabledForReportingButNotEnforced' as const }]
  const access = (userId: string, state: 'compliant' | 'inGracePeriod' | 'noncompliant'): object => deriveAccess({ conditionalAccess, groups }, { userId }, state)
  const all = { exchange: 'granted', sharepoint: 'granted', onedrive: 'granted', wifi: 'granted', companyApps: 'granted' }
  t.strictSame(access('alice', 'noncompliant'), { ...all, exchange: 'blocked', wifi: 'blocked' })
  t.strictSame(access('bob', 'noncompliant'), { ...all, exchange: 'blocked' })
  t.strictSame(access('alice', 'inGracePeriod'), all)
  t.strictSame(access('alice', 'compliant'), all)
})
