import type { GraphReader } from './graph-reader.js'
import type { PartnerConnector } from './reconciliation-repository.js'

/** The administrator's switches of a connector that Graph's v1.0 shows. */
export const CONNECTOR_SWITCHES = [
  'androidEnabled', 'iosEnabled', 'androidMobileApplicationManagementEnabled', 'iosMobileApplicationManagementEnabled',
  'androidDeviceBlockedOnMissingPartnerData', 'iosDeviceBlockedOnMissingPartnerData', 'partnerUnsupportedOsVersionBlocked',
  'allowPartnerToCollectIOSApplicationMetadata', 'allowPartnerToCollectIOSPersonalApplicationMetadata'
] as const

const PATH = '/deviceManagement/mobileThreatDefenseConnectors'

/**
 * Our connector in the tenant as Graph shows it; undefined: the tenant has none of ours. Its id is
 * one and the same in all tenants and given by Microsoft; without it, it is ours if it is the only one.
 * @throws IntuneError
 */
export async function readConnector (graph: GraphReader, connectorId: string | undefined): Promise<PartnerConnector | undefined> {
  const { rows } = await graph.page(PATH)
  const connectors = rows as Array<Record<string, unknown>>
  const ours = connectorId === undefined
    ? connectors.length === 1 ? connectors[0] : undefined
    : connectors.find(({ id }) => typeof id === 'string' && id.toLowerCase() === connectorId.toLowerCase())
  if (ours === undefined) return undefined
  const { partnerState, partnerUnresponsivenessThresholdInDays: days, lastHeartbeatDateTime: beat } = ours
  const heartbeatAt = typeof beat === 'string' ? new Date(beat) : undefined
  return {
    state: typeof partnerState === 'string' ? partnerState : 'unknown',
    switches: Object.fromEntries(CONNECTOR_SWITCHES.filter((name) => typeof ours[name] === 'boolean').map((name) => [name, ours[name] as boolean])),
    unresponsiveThresholdDays: typeof days === 'number' && Number.isInteger(days) && days > 0 ? days : null,
    heartbeatAt: heartbeatAt !== undefined && heartbeatAt.getTime() > 0 ? heartbeatAt : null
  }
}
