import { randomUUID } from 'node:crypto'
import t from 'tap'
import { findConflicts } from '../../../src/onboarding/setup/conflicts.js'
import { checkLicences } from '../../../src/onboarding/doctor/intune-checks.js'
import type { Observed, ObservedGroup, Row } from '../../../src/onboarding/setup/observed.js'
import type { SetupWish } from '../../../src/onboarding/setup/wish.js'
import { IntuneError } from '../../../src/intune/intune-error.js'

const OURS = '5a11ab0e-0000-4000-8000-00000000c0de'
const LOOKOUT = '2c7790de-8b02-4814-85cf-e0c59380dee8'
const DEFENDER = 'fc780465-2017-40d4-a0c5-307022471b92'
const GROUP = 'aaaaaaaa-0000-4000-8000-000000000001'
const WISH: SetupWish = { ios: { bundleId: 'com.example.x', storeUrl: 'https://apps.apple.com/app/id1', limit: 'low' }, groups: [GROUP] }
const group = (more: Partial<ObservedGroup> = {}): ObservedGroup => ({ displayName: 'Pilot', exists: true, hasDevices: false, ...more })

function conflictsOf (wish: SetupWish, { connectors = [], groups = [[GROUP, group()]], policies = [] }: { connectors?: Row[], groups?: Array<[string, ObservedGroup]>, policies?: Observed['policies'] }) {
  return findConflicts(wish, { connectors, groups: new Map(groups), policies, apps: [], configs: [] }, { connectorId: OURS, isOurs: () => false, serverUrl: 'https://mtd.example' })
}

t.test('a group that holds devices is refused: Intune would silently leave the threat rule out', async (t) => {
  t.match(conflictsOf(WISH, { groups: [[GROUP, group({ hasDevices: true })]] }), [{ kind: 'device-group', blocking: true, text: /Pilot holds devices/, remedy: /users/ }])
  t.match(conflictsOf(WISH, { groups: [[GROUP, group({ exists: false })]] }), [{ kind: 'group-missing', blocking: true }])
  t.match(conflictsOf(WISH, { groups: [[GROUP, group({ hasDevices: null })]] }), [{ kind: 'group-unread', blocking: false, remedy: /GroupMember\.Read\.All/ }], 'what could not be read is said, not guessed')
  t.strictSame(conflictsOf(WISH, {}), [])
})

t.test('another policy with a threat rule that is aimed at devices is told', async (t) => {
  const policy = (target: Row) => ({ id: randomUUID(), type: 'iosCompliancePolicy', displayName: 'Old one', description: '', row: { deviceThreatProtectionRequiredSecurityLevel: 'low' }, assignments: [{ intent: null, target, settings: null }] })
  t.match(conflictsOf(WISH, { policies: [policy({ '@odata.type': '#microsoft.graph.allDevicesAssignmentTarget' })] }), [{ kind: 'device-group', blocking: false, text: /Old one/ }])
  const groupId = 'bbbbbbbb-0000-4000-8000-000000000002'
  t.match(conflictsOf(WISH, { policies: [policy({ '@odata.type': '#microsoft.graph.groupAssignmentTarget', groupId })], groups: [[GROUP, group()], [groupId, group({ hasDevices: true })]] }), [{ kind: 'device-group', blocking: false }])
})

t.test('two vendors on a platform block, named; another platform, Defender, and our own connector do not', async (t) => {
  t.match(conflictsOf(WISH, { connectors: [{ id: LOOKOUT.toUpperCase(), iosEnabled: true }] }), [{ kind: 'two-vendors', blocking: true, text: /^Lookout is connected for iOS/, remedy: /Turn Lookout off/ }])
  t.match(conflictsOf(WISH, { connectors: [{ id: randomUUID(), iosEnabled: true }] }), [{ kind: 'two-vendors', blocking: true, text: /another vendor/ }])
  t.match(conflictsOf(WISH, { connectors: [{ id: DEFENDER, iosEnabled: true }] }), [{ kind: 'two-vendors', blocking: false, text: /Defender/ }])
  t.strictSame(conflictsOf(WISH, { connectors: [{ id: LOOKOUT, iosEnabled: false, androidEnabled: true }, { id: OURS, iosEnabled: true }] }), [])
})

t.test('another partner that app protection asks is named; only one a platform can be', async (t) => {
  const connectors = [{ id: LOOKOUT, iosMobileApplicationManagementEnabled: true }]
  t.match(conflictsOf({ ...WISH, connector: { appProtection: true } }, { connectors }), [{ kind: 'other-partner-toggles', blocking: true, text: /Lookout/ }])
  t.strictSame(conflictsOf(WISH, { connectors }), [])
})

t.test('a tenant without licences for Intune is told what happens to its users; what cannot be read is unknown', async (t) => {
  const answering = (value: unknown[]) => ({ send: async () => ({ value }) })
  const sku = (more: object) => ({ skuPartNumber: 'EMS', capabilityStatus: 'Enabled', consumedUnits: 1, prepaidUnits: { enabled: 10 }, servicePlans: [{ servicePlanName: 'INTUNE_A' }], ...more })
  t.match(await checkLicences(answering([]), 't'), [{ state: 'warning', nextAction: /without a licence/ }])
  t.match(await checkLicences(answering([sku({ servicePlans: [{ servicePlanName: 'EXCHANGE' }] })]), 't'), [{ state: 'warning' }])
  t.match(await checkLicences(answering([sku({ capabilityStatus: 'Suspended' })]), 't'), [{ state: 'warning' }])
  t.match(await checkLicences(answering([sku({ consumedUnits: 10 })]), 't'), [{ state: 'warning', text: /All licences/ }])
  t.match(await checkLicences(answering([sku({})]), 't'), [{ state: 'ok', text: /EMS/ }])
  t.match(await checkLicences({ async send () { throw new IntuneError('unauthorized', 'Microsoft Graph answered 403', { status: 403 }) } }, 't'), [{ state: 'unknown', text: /LicenseAssignment\.Read\.All/ }])
})
