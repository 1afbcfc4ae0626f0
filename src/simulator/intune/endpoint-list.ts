import { toGuid } from './guid.js'
import { DEVICE_SERVICE, partnerPath, TENANT_SERVICE } from './partner-paths.js'
import { INTUNE_APP_ID } from './vocabulary.js'

/** A real tenant's answer holds about this many rows, most of them none of our business. */
const ROW_COUNT = 219
const JUNK = [['ASUName', 'AMSUD0101'], ['Region', 'OC'], ['TotalNumberOfEndpoints', '187'], ['IsPrimary', 'True'], ['ScaleUnitVersion', '2611.1']] as const
const NEIGHBOURS = ['PartnerComplianceService', 'DataInfraPartnerService', 'NACAPIService', 'ComplianceRetrievalService', 'ScepRequestValidationFEService', 'PkiConnectorFEService']

/** Intune's endpoints for a tenant whose services have moved so many times. */
export function listEndpoints (httpsOrigin: string, moves: number): Array<Record<string, unknown>> {
  const gateway = 'https://fef.msud01.manage.microsoft.com/TrafficGateway/TrafficRoutingService'
  const partner = `${httpsOrigin}${partnerPath(moves)}`
  const rows: Array<readonly [string, string]> = [
    ...JUNK,
    ...NEIGHBOURS.map((name) => [name, `${gateway}/Neighbours/Stateless${name}`] as const),
    ['PartnerTenantDataSyncService', `${partner}/${TENANT_SERVICE}`],
    ['PartnerTenantDataSyncServiceBackup', `${partner}/${TENANT_SERVICE}`],
    ['PartnerDeviceDataSyncService', `${partner}/${DEVICE_SERVICE}`],
    ['PartnerDeviceDataSyncServiceBackup', `${partner}/${DEVICE_SERVICE}`]
  ]
  // The names of the rest are made up; only their number and shape matter.
  for (let number = rows.length; number < ROW_COUNT; number++) rows.push([`OtherFEService${number}`, `${gateway}/Other/StatelessOtherFEService${number}`])
  return rows
    .map(([providerName, uri]) => ({
      id: toGuid(`endpoint ${providerName}`),
      deletedDateTime: null,
      capability: providerName,
      providerId: INTUNE_APP_ID,
      providerName,
      providerResourceId: null,
      uri
    }))
    .sort((a, b) => a.id < b.id ? -1 : 1)
}
