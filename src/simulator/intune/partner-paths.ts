/** Where the partner services live below the gateway; the paths are those of real tenants. */
const GATEWAY = '/TrafficGateway/TrafficRoutingService'
export const TENANT_SERVICE = 'StatelessPartnerTenantDataSyncService'
export const DEVICE_SERVICE = 'StatelessPartnerDeviceDataSyncService'

/** Route prefixes: where the services are at first, and after each move. (Real ones move to another host.) */
export const PARTNER_PREFIXES = [`${GATEWAY}/PartnerAPI`, `${GATEWAY}/Unit:unit(^\\d+$)/PartnerAPI`] as const

/** The path of the partner services of a tenant whose services have moved so many times. */
export const partnerPath = (moves: number): string => moves === 0 ? `${GATEWAY}/PartnerAPI` : `${GATEWAY}/Unit${moves}/PartnerAPI`
