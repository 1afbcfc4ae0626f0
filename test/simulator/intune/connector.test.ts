import t from 'tap'
import { blocksMessages, checkConnectorBody, connectorState, newConnector, presentConnector } from '../../../src/simulator/intune/connector.js'

const DAY_MS = 24 * 60 * 60 * 1000

t.test('the connector walks from unavailable to enabled, falls silent and comes back', async (t) => {
  const connector = newConnector('c')
  const state = (nowMs = 0, hasPermission = true): string => connectorState(connector, hasPermission, nowMs)
  t.equal(state(), 'unavailable')
  connector.provisioning = 'incomplete'
  t.equal(state(), 'notSetUp')
  connector.provisioning = 'provisioned'
  connector.lastHeartbeatAtMs = 0
  t.equal(state(), 'available')
  t.equal(state(0, false), 'notSetUp', 'the permission was taken away')
  connector.switches.iosEnabled = true
  t.equal(state(), 'enabled')
  t.equal(state(7 * DAY_MS), 'enabled', 'at the threshold')
  t.equal(state(7 * DAY_MS + 1), 'unresponsive', 'beyond it')
  connector.lastHeartbeatAtMs = 7 * DAY_MS
  t.equal(state(7 * DAY_MS + 1), 'enabled')
  connector.provisioning = 'deprovisioned'
  t.equal(state(), 'unavailable')
})

t.test('a switch for missing data alone does not enable the connector', async (t) => {
  const connector = newConnector('c')
  connector.provisioning = 'provisioned'
  connector.switches.iosDeviceBlockedOnMissingPartnerData = true
  t.equal(connectorState(connector, true, 0), 'available')
})

t.test('messages are blocked while unavailable or not set up, and only then', async (t) => {
  t.strictSame((['unavailable', 'notSetUp', 'available', 'enabled', 'unresponsive'] as const).map(blocksMessages), [true, true, false, false, false])
})

t.test('v1.0 hides what only beta knows', async (t) => {
  const v1 = presentConnector(newConnector('c'), 'notSetUp', 'v1.0')
  const beta = presentConnector(newConnector('c'), 'notSetUp', 'beta')
  t.equal(v1.partnerState, 'unknownFutureValue')
  t.equal(beta.partnerState, 'notSetUp')
  t.notOk('macEnabled' in v1)
  t.ok('macEnabled' in beta)
  t.ok('windowsEnabled' in v1)
  t.notOk('allowPartnerToCollectIosCertificateMetadata' in v1)
})

t.test('a body with an unknown, misspelt, read-only or mistyped property is refused', async (t) => {
  const wrong: Array<Record<string, unknown>> = [
    { IosEnabled: true }, { iosenabled: true }, { macEnabled: true }, { partnerState: 'enabled' }, { lastHeartbeatDateTime: '2026-01-01T00:00:00Z' },
    { id: 'x' }, { iosEnabled: 'true' }, { iosEnabled: null }, { partnerUnresponsivenessThresholdInDays: 1.5 }, { partnerUnresponsivenessThresholdInDays: '7' },
    { allowPartnerToCollectIosApplicationMetadata: true }, { constructor: true }, { '@odata.type': '#microsoft.graph.other' }
  ]
  for (const body of wrong) t.type(checkConnectorBody(body, 'v1.0', false), 'string', JSON.stringify(body))
  t.equal(checkConnectorBody({ macEnabled: true }, 'beta', false), undefined)
  t.equal(checkConnectorBody({ '@odata.type': '#microsoft.graph.mobileThreatDefenseConnector', iosEnabled: true, partnerUnresponsivenessThresholdInDays: 3 }, 'v1.0', false), undefined)
})
