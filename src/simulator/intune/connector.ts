import type { ConnectorState, Platform } from './vocabulary.js'

/** Graph `mobileThreatDefenseConnector`: the switches an administrator has. Those marked beta are hidden in v1.0. */
const SWITCHES = {
  androidEnabled: 'v1.0',
  iosEnabled: 'v1.0',
  windowsEnabled: 'v1.0',
  macEnabled: 'beta',
  androidMobileApplicationManagementEnabled: 'v1.0',
  iosMobileApplicationManagementEnabled: 'v1.0',
  windowsMobileApplicationManagementEnabled: 'beta',
  androidDeviceBlockedOnMissingPartnerData: 'v1.0',
  iosDeviceBlockedOnMissingPartnerData: 'v1.0',
  windowsDeviceBlockedOnMissingPartnerData: 'v1.0',
  macDeviceBlockedOnMissingPartnerData: 'beta',
  partnerUnsupportedOsVersionBlocked: 'v1.0',
  allowPartnerToCollectIOSApplicationMetadata: 'v1.0',
  allowPartnerToCollectIOSPersonalApplicationMetadata: 'v1.0',
  allowPartnerToCollectIosCertificateMetadata: 'beta',
  allowPartnerToCollectIosPersonalCertificateMetadata: 'beta',
  microsoftDefenderForEndpointAttachEnabled: 'v1.0',
  grantMobileThreatDefensePartnerRole: 'beta',
  launchMobileThreatDefensePartnerOnSetupEnabled: 'beta'
} as const

export type ConnectorSwitch = keyof typeof SWITCHES
export const CONNECTOR_SWITCHES = Object.keys(SWITCHES) as ConnectorSwitch[]

/** Any of these on makes the connector `enabled`. */
const PLATFORM_SWITCHES: readonly ConnectorSwitch[] = [
  'androidEnabled', 'iosEnabled', 'windowsEnabled', 'macEnabled',
  'androidMobileApplicationManagementEnabled', 'iosMobileApplicationManagementEnabled', 'windowsMobileApplicationManagementEnabled'
]

const TOGGLE: Readonly<Record<Platform, ConnectorSwitch>> = {
  android: 'androidEnabled', ios: 'iosEnabled', ipados: 'iosEnabled', windows: 'windowsEnabled', macos: 'macEnabled'
}

const MISSING_DATA: Readonly<Record<Platform, ConnectorSwitch>> = {
  android: 'androidDeviceBlockedOnMissingPartnerData',
  ios: 'iosDeviceBlockedOnMissingPartnerData',
  ipados: 'iosDeviceBlockedOnMissingPartnerData',
  windows: 'windowsDeviceBlockedOnMissingPartnerData',
  macos: 'macDeviceBlockedOnMissingPartnerData'
}

export type GraphVersion = 'v1.0' | 'beta'

const DAY_MS = 24 * 60 * 60 * 1000
const DEFAULT_THRESHOLD_DAYS = 7

export interface Connector {
  readonly id: string
  readonly switches: Record<ConnectorSwitch, boolean>
  thresholdDays: number
  /** `incomplete`: the partner asked to be provisioned and Intune could not finish. */
  provisioning: 'never' | 'incomplete' | 'provisioned' | 'deprovisioned'
  lastHeartbeatAtMs: number | null
  enrollmentUrl: string | null
  remediationUrl: string | null
}

export const newConnector = (id: string): Connector => ({
  id,
  switches: Object.fromEntries(CONNECTOR_SWITCHES.map((name) => [name, false])) as Record<ConnectorSwitch, boolean>,
  thresholdDays: DEFAULT_THRESHOLD_DAYS,
  provisioning: 'never',
  lastHeartbeatAtMs: null,
  enrollmentUrl: null,
  remediationUrl: null
})

/**
 * Where a connector stands. `hasPermission`: some consented app of the tenant still holds
 * `update_device_health`. Flips to unresponsive and is ignored at the same moment (inferred;
 * Microsoft's pages disagree on the order).
 */
export function connectorState (connector: Connector, hasPermission: boolean, nowMs: number): ConnectorState {
  if (connector.provisioning === 'incomplete') return 'notSetUp'
  if (connector.provisioning !== 'provisioned') return 'unavailable'
  if (!hasPermission) return 'notSetUp'
  if (connector.lastHeartbeatAtMs !== null && nowMs - connector.lastHeartbeatAtMs > connector.thresholdDays * DAY_MS) return 'unresponsive'
  return PLATFORM_SWITCHES.some((name) => connector.switches[name]) ? 'enabled' : 'available'
}

/** Threat messages are blocked while Unavailable (since 2308) and Not Set Up (since 2309). */
export const blocksMessages = (state: ConnectorState): boolean => state === 'unavailable' || state === 'notSetUp'

/** Does this platform's compliance use the partner's data at all? */
export const usesPartnerData = (connector: Connector, platform: Platform): boolean => connector.switches[TOGGLE[platform]]

export const blocksOnMissingData = (connector: Connector, platform: Platform): boolean => connector.switches[MISSING_DATA[platform]]

/** The connector as Graph shows it; v1.0 hides beta's properties and enum members. */
export function presentConnector (connector: Connector, state: ConnectorState, version: GraphVersion): Record<string, unknown> {
  const visible = CONNECTOR_SWITCHES.filter((name) => version === 'beta' || SWITCHES[name] === 'v1.0')
  return {
    id: connector.id,
    lastHeartbeatDateTime: new Date(connector.lastHeartbeatAtMs ?? -62_135_596_800_000).toISOString(),
    partnerState: version === 'v1.0' && state === 'notSetUp' ? 'unknownFutureValue' : state,
    partnerUnresponsivenessThresholdInDays: connector.thresholdDays,
    ...Object.fromEntries(visible.map((name) => [name, connector.switches[name]]))
  }
}

const READ_ONLY = ['lastHeartbeatDateTime', 'partnerState']
const CONNECTOR_TYPE = '#microsoft.graph.mobileThreatDefenseConnector'

/** Checks a body before anything is changed. @returns what is wrong, in words, or undefined. */
export function checkConnectorBody (body: Record<string, unknown>, version: GraphVersion, creating: boolean): string | undefined {
  for (const [name, value] of Object.entries(body)) {
    if (name === '@odata.type') {
      if (value !== CONNECTOR_TYPE) return `'${String(value)}' is not the type of this resource; expected '${CONNECTOR_TYPE}'.`
    } else if (name === 'id') {
      if (!creating) return "The property 'id' is read-only and cannot be changed."
    } else if (READ_ONLY.includes(name)) {
      return `The property '${name}' is set by the service and cannot be written.`
    } else if (name === 'partnerUnresponsivenessThresholdInDays') {
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 2_147_483_647) return `Cannot convert the value of '${name}' to the expected type 'Edm.Int32'.`
    } else if (Object.hasOwn(SWITCHES, name) && (version === 'beta' || SWITCHES[name as ConnectorSwitch] === 'v1.0')) {
      if (typeof value !== 'boolean') return `Cannot convert the value of '${name}' to the expected type 'Edm.Boolean'.`
    } else {
      return `The property '${name}' does not exist on type 'microsoft.graph.mobileThreatDefenseConnector'. Make sure to only use property names that are defined by the type.`
    }
  }
  return undefined
}

/** Writes a checked body (or part of a seed) into the connector. */
export function applyConnectorBody (connector: Connector, body: Record<string, unknown>): void {
  for (const name of CONNECTOR_SWITCHES) {
    if (typeof body[name] === 'boolean') connector.switches[name] = body[name]
  }
  if (typeof body.partnerUnresponsivenessThresholdInDays === 'number') connector.thresholdDays = body.partnerUnresponsivenessThresholdInDays
}
