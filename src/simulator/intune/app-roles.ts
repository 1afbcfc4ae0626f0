import { toGuid } from './guid.js'

/** One application permission of a resource. */
export interface AppRole {
  readonly id: string
  readonly value: string
  readonly displayName: string
}

const role = (value: string, id: string, displayName: string = value): AppRole => ({ id, value, displayName })

/** Application permissions of "Microsoft Intune API", with their public ids. */
export const INTUNE_APP_ROLES: readonly AppRole[] = [
  role('update_device_health', 'a5438881-186a-48f0-bc41-a93ae8a195fe', 'Send device threat information to Microsoft Intune'),
  role('update_device_attributes', '7b3c62c0-bbe4-4ceb-971b-ecc50a191b3e', 'Send device attributes to Microsoft Intune'),
  role('get_device_compliance', '7ec88bad-30c7-4928-a005-4455362cfd98', 'Get device state and compliance information from Microsoft Intune'),
  role('manage_partner_compliance_policy', '3857e233-c379-404e-85e9-bdbf3a62b28f', 'Manage partner compliance policies with Microsoft Intune.'),
  role('scep_challenge_provider', '39d724e8-6a34-4930-9a36-364082c35716', 'SCEP challenge validation'),
  role('pfx_cert_provider', '907d16c7-7591-49a4-b523-6fd42e5f2c7e', 'PFX certificate management'),
  role('send_data_usage', '7828b294-fdcc-4ed6-a45a-854364afb21d', 'Send telecom expense data to Microsoft Intune'),
  role('get_data_warehouse', '3d9dc976-32fb-45a8-90bd-c9f8a850d098', 'Get data warehouse information from Microsoft Intune')
]

/** Application permissions of Microsoft Graph that this Graph knows, with the ids of Microsoft's permissions reference. */
export const GRAPH_APP_ROLES: readonly AppRole[] = [
  role('Application.Read.All', '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30'),
  role('Application.ReadWrite.All', '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9'),
  role('Device.Read.All', '7438b122-aefc-4978-80ed-43db9fcc7715'),
  role('Device.ReadWrite.All', '1138cb37-bd11-4084-a2b7-9f71582aeddb'),
  role('DeviceManagementApps.Read.All', '7a6ee1e7-141e-4cec-ae74-d9db155731ff'),
  role('DeviceManagementApps.ReadWrite.All', '78145de6-330d-4800-a6ce-494ff2d33d07'),
  role('DeviceManagementConfiguration.Read.All', 'dc377aa6-52d8-4e23-b271-2a7ae04cedf3'),
  role('DeviceManagementConfiguration.ReadWrite.All', '9241abd9-d0e6-425a-bd4f-47ba86e767a4'),
  role('DeviceManagementManagedDevices.PrivilegedOperations.All', '5b07b0dd-2377-4e44-a38d-703f09a0dc3c'),
  role('DeviceManagementManagedDevices.Read.All', '2f51be20-0bb4-4fed-bf7b-db946066c75e'),
  role('DeviceManagementManagedDevices.ReadWrite.All', '243333ab-4d21-40cb-a475-36241daa0842'),
  role('DeviceManagementServiceConfig.Read.All', '06a5fe6d-c49d-46a7-b082-56b1b14103c7'),
  role('DeviceManagementServiceConfig.ReadWrite.All', '5ac13192-7ace-4fcf-b828-1a26f28068ee'),
  role('Directory.Read.All', '7ab1d382-f21e-4acd-a863-ba3e13f7da61'),
  role('Directory.ReadWrite.All', '19dbc75e-c2e2-444c-a770-ec69d8559fc7'),
  role('Group.Read.All', '5b567255-7703-4780-807c-7be8301ae99b'),
  role('Group.ReadWrite.All', '62a82d76-70ea-41e2-9197-370581804d09'),
  role('GroupMember.Read.All', '98830695-27a2-44f7-8c18-0c3ebc9698f6'),
  role('GroupMember.ReadWrite.All', 'dbaae8cf-10b5-4b86-a4a1-f871c94c6695'),
  role('Organization.Read.All', '498476ce-e0fe-48b0-b801-37ba7e2685c6'),
  role('Policy.Read.All', '246dd0d5-5bd0-4def-940b-0421030a5b68'),
  role('User.Read.All', 'df021288-bdef-4463-88db-98f22de89214'),
  role('User.ReadWrite.All', '741f803b-c850-494e-b5df-cde7c675a1ca')
]

/** The permission of that name; one these lists lack, or of somebody's own API, gets an id made of its name. */
export const appRoleOf = (resourceAppId: string, roles: readonly AppRole[], value: string): AppRole =>
  roles.find((known) => known.value === value) ?? role(value, toGuid(`role ${resourceAppId} ${value}`))
