import type { App } from '../../telemetry/report.js'
import { brandNamed, isOwnedBy } from '../data/app-brands.js'
import { ADB, PLATFORM_STORES, SIDELOAD_INSTALLERS, THIRD_PARTY_STORES } from '../data/app-installers.js'
import { KNOWN_SIGNERS } from '../data/app-signers.js'
import { KNOWN_APPS, type AppKind } from '../data/known-apps.js'
import { BAD_COMBINATIONS, DANGEROUS_PERMISSIONS, INSTALL_PACKAGES, OVERLAY, READ_SMS, SEND_SMS, TELLING_PERMISSIONS } from '../data/permissions.js'
import { PUBLIC_SIGNING_KEYS } from '../data/public-signing-keys.js'
import { SYSTEM_UPDATERS } from '../data/system-updaters.js'
import { SECURITY_PACKAGES } from '../data/trusted-helpers.js'
import { normalizeHex } from './intel-entries.js'

const bit = (number: number): number => 1 << number

/** What an app says of itself, whatever the organisation thinks of it: one bit each. */
export const TRAIT = {
  /** No installer, or one that is no store. */
  sideloaded: bit(0),
  byAdb: bit(1),
  fromThirdPartyStore: bit(2),
  /** iOS: neither store nor test flight nor marketplace brought it. */
  fromNoStore: bit(3),
  adHocSigned: bit(4),
  beta: bit(5),
  fromMarketplace: bit(6),
  unvalidated: bit(7),
  'root-enabler': bit(8),
  'hooking-framework': bit(9),
  'hacking-tool': bit(10),
  'remote-access': bit(11),
  'backup-tool': bit(12),
  'location-tracking': bit(13),
  'personal-vpn': bit(14),
  lookalike: bit(15),
  debugKey: bit(16),
  debuggable: bit(17),
  updateWaits: bit(18),
  removedFromStore: bit(19),
  badCombination: bit(20),
  readsOrSendsSms: bit(21),
  mayOverlay: bit(22),
  mayInstall: bit(23),
  hidden: bit(24),
  strangeSigner: bit(25),
  securityOff: bit(26),
  /** What installs updates of the system is switched off. */
  updaterOff: bit(28),
  /** Android: known to be no part of the system, and no management put it there. */
  user: bit(27)
} as const satisfies Record<string, number> & Readonly<Record<AppKind, number>>
export type Trait = keyof typeof TRAIT

/** Apps that a browser made of a web site have the site's name (https://developer.chrome.com/docs/android/webapk). */
const WEB_APPS = 'org.chromium.webapk.'

/** Whether a person put it on the phone: neither the maker nor the organisation's management. */
export function isUserApp ({ appId, system, managed }: App): boolean {
  return system !== true && managed !== true && !appId.startsWith('com.apple.')
}

/** `CN=Android Debug`, which the tools of Android give to every developer's own key. */
export function isDebugSubject (subject: string): boolean {
  return subject.split(/[,/]/).some((part) => part.trim().toLowerCase() === 'cn=android debug')
}

/** The certificate that everybody could have signed with. */
export function publicKeyOf ({ signingCertSha256, signingCertSha1 }: App): string | undefined {
  const isPublic = (digest: string): boolean => PUBLIC_SIGNING_KEYS.has(normalizeHex(digest))
  return signingCertSha256?.find(isPublic) ?? signingCertSha1?.find(isPublic)
}

export const isFromAppleStore = (distributor: string): boolean => distributor.startsWith('com.apple.')

/** How many of the dangerous permissions it has. */
export function countDangerous ({ permissions }: App): number {
  let count = 0
  if (permissions !== undefined) for (const permission of permissions) if (DANGEROUS_PERMISSIONS.has(permission)) count++
  return count
}

/** Its permissions that mean something, as bits of data/permissions.ts. */
export function tellingPermissions ({ permissions }: App): number {
  let bits = 0
  if (permissions !== undefined) for (const permission of permissions) bits |= TELLING_PERMISSIONS.get(permission) ?? 0
  return bits
}

function originOf ({ installer, installInitiator }: App): number {
  if (installer === ADB || installInitiator === ADB) return TRAIT.byAdb
  if (installer === undefined) return 0
  if (installer === null || SIDELOAD_INSTALLERS.has(installer)) return TRAIT.sideloaded
  return THIRD_PARTY_STORES.has(installer) ? TRAIT.fromThirdPartyStore : 0
}

/** Traits of what a person put on an Android phone, which must be known to be no part of the system: apps of the firmware have no installer either. */
function traitsOfUserApp (app: App): number {
  const { launcherIcon, debuggable, permissions, signingCertSubjects, signingCertSha256 } = app
  let traits = TRAIT.user | originOf(app)
  if (launcherIcon === false) traits |= TRAIT.hidden
  if (debuggable === true) traits |= TRAIT.debuggable
  if (permissions !== undefined && permissions.length > 0) {
    const telling = tellingPermissions(app)
    if ((telling & (READ_SMS | SEND_SMS)) !== 0) traits |= TRAIT.readsOrSendsSms
    if ((telling & OVERLAY) !== 0) traits |= TRAIT.mayOverlay
    if ((telling & INSTALL_PACKAGES) !== 0) traits |= TRAIT.mayInstall
    if (telling !== 0 && BAD_COMBINATIONS.some(([all]) => (telling & all) === all)) traits |= TRAIT.badCombination
  }
  if (signingCertSubjects?.some(isDebugSubject) === true || publicKeyOf(app) !== undefined) traits |= TRAIT.debugKey
  const signers = signingCertSha256 === undefined || signingCertSha256.length === 0 ? undefined : KNOWN_SIGNERS.get(app.appId)
  if (signers !== undefined && !signingCertSha256!.some((digest) => signers.has(normalizeHex(digest)))) traits |= TRAIT.strangeSigner
  return traits
}

/** Traits that only iOS tells. */
function traitsOfAppleApp ({ fromAppStore, beta, adHocSigned, validated, distributor, debuggable, updateAvailable }: App): number {
  let traits = 0
  const isFromMarketplace = distributor !== undefined && !isFromAppleStore(distributor)
  if (isFromMarketplace) traits |= TRAIT.fromMarketplace
  if (fromAppStore === false && beta !== true && adHocSigned !== true && !isFromMarketplace) traits |= TRAIT.fromNoStore
  if (adHocSigned === true) traits |= TRAIT.adHocSigned
  if (beta === true) traits |= TRAIT.beta
  if (validated === false && fromAppStore !== true) traits |= TRAIT.unvalidated
  if (debuggable === true) traits |= TRAIT.debuggable
  if (updateAvailable === true) traits |= TRAIT.updateWaits
  return traits
}

function isLookalike ({ appId, name, installer }: App): boolean {
  const brand = name === undefined ? undefined : brandNamed(name)
  if (brand === undefined || isOwnedBy(appId, brand)) return false
  return !(appId.startsWith(WEB_APPS) && installer === 'com.android.vending')
}

/** What is missed while it is switched off. */
function whenOff ({ appId, enabled }: App): number {
  if (enabled !== false) return 0
  return (SECURITY_PACKAGES.has(appId) ? TRAIT.securityOff : 0) | (SYSTEM_UPDATERS.has(appId) ? TRAIT.updaterOff : 0)
}

/** What an app says of itself, as bits of `TRAIT`. */
export function traitsOf (app: App): number {
  if (!isUserApp(app)) return whenOff(app)
  let traits = traitsOfAppleApp(app)
  if (app.system === false) traits |= traitsOfUserApp(app)
  const kind = KNOWN_APPS.get(app.appId)
  if (kind !== undefined) traits |= TRAIT[kind]
  if (app.removedFromStore === true) traits |= TRAIT.removedFromStore
  traits |= whenOff(app)
  if (isLookalike(app)) traits |= TRAIT.lookalike
  return traits
}

/** Whether a store that looks at what it offers brought the app. */
export function isFromStore ({ installer, fromAppStore }: App): boolean {
  return fromAppStore === true || (typeof installer === 'string' && PLATFORM_STORES.has(installer))
}
