import t from 'tap'
import type { AssessedFinding } from '../../../src/risk/assessment.js'
import type { DetectionContext } from '../../../src/risk/detection.js'
import { coincide } from '../../../src/risk/facts/coincidence.js'
import { overlay } from '../../../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY } from '../../../src/risk/policy/policy.js'
import { at, DAY_MS, HOUR_MS, intelOf, NOW, phone } from '../helpers.js'

/** Events by how many ms ago they happened; an odd id, which paths must keep apart. */
const eventId = (ms: number): string => `e["${ms}"].at`
function contextOf (agos: readonly number[], compositeWindowHours = 24): DetectionContext {
  return {
    platform: 'android',
    state: phone({ events: agos.map((ms) => ({ eventId: eventId(ms), type: 'x', at: at(-ms) })) }),
    intel: intelOf(),
    policy: overlay(BUILT_IN_POLICY, { thresholds: { compositeWindowHours } }),
    now: NOW,
    findingsOf: () => []
  }
}
function finding (agos: readonly number[], expiresAt: string | null = null): AssessedFinding {
  return {
    detection: 'x', ruleVersion: 1, category: 'network', severity: 'audit', raisesLevel: false, subject: 's', title: 'T.', intel: null, attack: [],
    remediation: { user: '', admin: '' }, expiresAt, suppressedBy: null,
    evidence: agos.map((ms) => ({ path: `events[${JSON.stringify(eventId(ms))}].at`, value: at(-ms) }))
  }
}
const state = finding([])

t.test('states hold together for as long as they hold', async (t) => {
  t.strictSame(coincide(contextOf([]), [state, state]), {})
  t.strictSame(coincide(contextOf([]), [state, finding([], at(HOUR_MS))]), { expiresAt: at(HOUR_MS) })
  t.equal(coincide(contextOf([]), [state, finding([], at(0))]), undefined, 'what ends now has ended')
})

t.test('an event beside a state counts until it is longer ago than the window', async (t) => {
  t.strictSame(coincide(contextOf([HOUR_MS]), [state, finding([HOUR_MS])]), { expiresAt: at(DAY_MS - HOUR_MS) })
  t.strictSame(coincide(contextOf([HOUR_MS]), [state, finding([HOUR_MS], at(5))]), { expiresAt: at(5) }, 'or its finding ends')
  t.strictSame(coincide(contextOf([DAY_MS - 1]), [state, finding([DAY_MS - 1])]), { expiresAt: at(1) })
  t.equal(coincide(contextOf([DAY_MS]), [state, finding([DAY_MS])]), undefined)
  t.strictSame(coincide(contextOf([30 * HOUR_MS, HOUR_MS]), [finding([30 * HOUR_MS, HOUR_MS]), state]), { expiresAt: at(DAY_MS - HOUR_MS) }, 'the latest of several')
})

t.test('events lie within the window of each other, whenever that was', async (t) => {
  const apart = (first: number, second: number): unknown => coincide(contextOf([first, second]), [finding([first], at(7)), finding([second], at(9))])
  t.strictSame(apart(30 * HOUR_MS, 40 * HOUR_MS), { expiresAt: at(7) })
  t.strictSame(apart(30 * HOUR_MS, 54 * HOUR_MS), { expiresAt: at(7) }, 'exactly the window')
  t.equal(apart(30 * HOUR_MS, 54 * HOUR_MS + 1), undefined)
  const many = [HOUR_MS, 50 * HOUR_MS, 60 * HOUR_MS]
  t.strictSame(coincide(contextOf(many), [finding([HOUR_MS, 50 * HOUR_MS]), finding([60 * HOUR_MS])]), {}, 'any pair of them')
  t.equal(coincide(contextOf(many, 5), [finding([HOUR_MS, 50 * HOUR_MS]), finding([60 * HOUR_MS])]), undefined, 'the policy\'s window')
})

t.test('where the order matters the last part comes last', async (t) => {
  const ordered = (first: number, last: number): unknown => coincide(contextOf([first, last]), [finding([first]), finding([last])], { inOrder: true })
  t.strictSame(ordered(2 * HOUR_MS, HOUR_MS), {})
  t.strictSame(ordered(HOUR_MS, HOUR_MS), {}, 'at once')
  t.equal(ordered(HOUR_MS, 2 * HOUR_MS), undefined)
  t.strictSame(coincide(contextOf([HOUR_MS]), [finding([HOUR_MS]), state], { inOrder: true }), { expiresAt: at(DAY_MS - HOUR_MS) }, 'a state is now')
})
