import type { GraphType } from './graph-types.js'

const text = { type: 'Edm.String' } as const
const flag = { type: 'Edm.Boolean' } as const
const time = { type: 'Edm.DateTimeOffset' } as const

/** Entra's objects, as far as a partner reads them. */
export const DIRECTORY_TYPES: Readonly<Record<string, GraphType>> = {
  directoryObject: { abstract: true, properties: { id: { ...text, readOnly: true }, deletedDateTime: time } },
  device: {
    base: 'directoryObject',
    properties: {
      accountEnabled: flag,
      deviceId: text,
      displayName: text,
      isCompliant: flag,
      isManaged: flag,
      isRooted: flag,
      mdmAppId: text,
      operatingSystem: text,
      operatingSystemVersion: text,
      trustType: text,
      enrollmentType: text,
      manufacturer: text,
      model: text,
      profileType: text,
      approximateLastSignInDateTime: time,
      registrationDateTime: time
    }
  },
  user: {
    base: 'directoryObject',
    properties: {
      accountEnabled: flag,
      displayName: text,
      mail: text,
      userPrincipalName: text,
      assignedLicenses: { type: 'Collection(assignedLicense)' }
    }
  },
  group: {
    base: 'directoryObject',
    properties: {
      displayName: text,
      description: text,
      groupTypes: { type: 'Collection(Edm.String)' },
      mailEnabled: flag,
      mailNickname: text,
      securityEnabled: flag
    }
  },
  assignedLicense: { properties: { disabledPlans: { type: 'Collection(Edm.Guid)' }, skuId: { type: 'Edm.Guid' } } },
  servicePrincipal: {
    base: 'directoryObject',
    properties: {
      accountEnabled: flag,
      appId: text,
      appOwnerOrganizationId: { type: 'Edm.Guid' },
      appRoles: { type: 'Collection(appRole)' },
      displayName: text,
      servicePrincipalNames: { type: 'Collection(Edm.String)' },
      servicePrincipalType: text
    }
  },
  appRole: { properties: { id: { type: 'Edm.Guid' }, value: text, displayName: text, isEnabled: flag, allowedMemberTypes: { type: 'Collection(Edm.String)' } } },
  appRoleAssignment: {
    base: 'directoryObject',
    properties: {
      appRoleId: { type: 'Edm.Guid' },
      createdDateTime: time,
      principalDisplayName: text,
      principalId: { type: 'Edm.Guid' },
      principalType: text,
      resourceDisplayName: text,
      resourceId: { type: 'Edm.Guid' }
    }
  }
}
