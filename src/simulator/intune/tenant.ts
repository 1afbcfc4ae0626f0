import type { X509Certificate } from 'node:crypto'
import type { ChangeTracker } from './change-tracking.js'
import type { CompliancePolicy } from './compliance-policy.js'
import type { Connector } from './connector.js'
import type { AppConfiguration, MobileApp } from './mobile-app.js'
import type { PartnerEntityOptions } from './partner-entity.js'
import type { PartnerMessage } from './partner-messages.js'
import type { AndroidManagement, OwnerType, Platform, Resource, ThreatState } from './vocabulary.js'

/** An application registration and its consent in this tenant. */
export interface Client {
  readonly clientId: string
  readonly displayName: string
  readonly secrets: readonly string[]
  readonly certificates: readonly X509Certificate[]
  readonly roles: { readonly graph: readonly string[], readonly intune: readonly string[] }
  readonly consented: boolean
  readonly objectId: string
}

export interface User {
  readonly id: string
  readonly userPrincipalName: string
  readonly displayName: string
  readonly mail: string
  readonly accountEnabled: boolean
  /** Has a licence for Intune. */
  readonly licensed: boolean
  /** Number of its last change in the tenant. */
  readonly change: number
}

export interface Group {
  readonly id: string
  displayName: string
  /** The threat rule works with groups of users only. */
  kind: 'user' | 'device'
  /** User ids or Entra device ids, lower case → number of the change that brought them in. */
  readonly members: Map<string, number>
  /** Who was a member → number of the change that took them out. */
  readonly left: Map<string, number>
  /** Number of the last change of the group itself. */
  change: number
}

/** Which resources ask for a compliant device, and from whom. */
export interface ConditionalAccessPolicy {
  readonly displayName: string
  readonly resources: readonly Resource[]
  /** Ids of user groups; absent: everyone. */
  readonly groups?: readonly string[]
}

/** One state the partner reported and Intune took or left. */
export interface ThreatUpdate {
  readonly threatState: ThreatState
  readonly lastUpdateTime: string
  readonly messageId: string
  /** When the message arrived and when it was processed: real time, ms since 1970 with fractions. */
  readonly receivedAtMs: number
  readonly appliedAtMs: number
}

/** One app as an iPhone tells its management server, as App Sync passes it on. */
export interface InstalledApp {
  readonly appId: string
  readonly name: string
  readonly version: string
  readonly shortVersion: string
  readonly bundleSize: number
  readonly dynamicSize: number
  readonly adHocSigned: boolean
  readonly fromAppStore: boolean
  readonly beta: boolean
  readonly deviceBasedVpp: boolean
  readonly validated: boolean
  /** Installed by Intune. */
  readonly managed: boolean
}

export interface Device {
  readonly entraDeviceId: string
  readonly intuneDeviceId: string
  /** Object id of the Entra device: the third id of one phone. */
  readonly entraObjectId: string
  platform: Platform
  ownerType: OwnerType
  androidManagement: AndroidManagement
  userId: string
  deviceName: string
  serialNumber: string
  imei: string
  osVersion: string
  manufacturer: string
  model: string
  jailBroken: 'True' | 'False' | 'Unknown'
  /** False: registered in Entra only; Intune does not know it. */
  mdmEnrolled: boolean
  /** False: switched off or lost; it checks in no more. */
  online: boolean
  /** Absent: the few apps of every phone. */
  apps: readonly InstalledApp[] | undefined
  readonly enrolledAtMs: number
  /** A check-in that did not follow the usual interval; null: it has not checked in since enrolment. */
  lastSyncAtMs: number | null
  /** What Entra was last told: Conditional Access looks at it. */
  isCompliant: boolean
  /** Number of the last change of its Entra device. */
  change: number
  threatState: ThreatState
  /** `LastUpdateTime` of the newest report taken. */
  threatUpdatedAtMs: number
  history: ThreatUpdate[]
  /** Reports left because a newer one was already there. */
  staleUpdates: number
  /** Since when which policy is broken; the grace period counts from there. */
  noncompliantSince: Map<string, number> | undefined
  waiters: Set<() => void> | undefined
}

export interface Tenant {
  readonly id: string
  displayName: string
  clients: Map<string, Client>
  users: Map<string, User>
  groups: Map<string, Group>
  readonly changes: ChangeTracker
  /** Change tracking tells some rows twice. */
  deltaDuplicates: boolean
  /** The one connector the partner services drive. */
  connectorId: string
  connectors: Map<string, Connector>
  /** False: provisioning answers 200 with `Provisioned: 0`, as happens to partners whose set-up is unfinished. */
  setupComplete: boolean
  policies: Map<string, CompliancePolicy>
  readonly apps: Map<string, MobileApp>
  readonly appConfigurations: Map<string, AppConfiguration>
  conditionalAccess: readonly ConditionalAccessPolicy[]
  /** "Mark devices with no compliance policy assigned as": true means not compliant. */
  secureByDefault: boolean
  /** User of devices that were seeded without one. */
  readonly anyUserId: string
  readonly servicePrincipalId: string
  entity: PartnerEntityOptions
  processingDelayMs: number
  devices: Map<string, Device>
  devicesByIntuneId: Map<string, Device>
  threatCounts: Map<ThreatState, number>
  messages: Map<string, PartnerMessage>
  messageCounts: { received: number, completed: number, failed: number, updatesApplied: number, updatesStale: number }
  waiters: Set<() => void>
}
