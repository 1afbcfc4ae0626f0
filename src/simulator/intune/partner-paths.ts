/** Where the partner services live below the gateway; the paths are those of real tenants. */
export const PARTNER_API_PATH = '/TrafficGateway/TrafficRoutingService/PartnerAPI'
export const TENANT_SERVICE = 'StatelessPartnerTenantDataSyncService'
export const DEVICE_SERVICE = 'StatelessPartnerDeviceDataSyncService'
