import type { Detection } from '../../detection.js'
import { appC2Contact } from './app-c2-contact.js'
import { APP_DATA_SENT } from './app-data-sent.js'
import { appDebugCertificate, appDebuggable, appTargetSdkOld } from './app-builds.js'
import { appCertMismatch, appLookalike } from './app-fakes.js'
import { APP_FAMILIES } from './app-families.js'
import { appHiddenIcon } from './app-hidden-icon.js'
import { appKevVulnerable } from './app-kev-vulnerable.js'
import { APP_KINDS } from './app-kinds.js'
import { appMaliciousFile } from './app-malicious-file.js'
import { appMercenarySpyware } from './app-mercenary-spyware.js'
import { appDenylisted, appNotAllowlisted } from './app-organisation.js'
import { appAdhocSignedIos, appAltMarketplaceIos, appBetaIos, appNonStoreSignerIos, appUnvalidatedIos } from './app-origin-ios.js'
import { appAdbInstalled, appSideloaded, appThirdPartyStore } from './app-origin.js'
import { appRiskyPermissions, appSmsAccess } from './app-permissions.js'
import { appAccessibilityService, appDeviceAdmin, appInstallPackages, appNotificationListener, appOverlay } from './app-rights.js'
import { appScreenCaptureControl, appThirdPartyKeyboard } from './app-screen-and-keyboard.js'
import { appAgentTampered, appHookingFramework, appSecurityDisabled } from './app-protection.js'
import { appLowReputation, appRemovedFromStore, appUpdateAvailable } from './app-standing.js'
import { appStalkerware } from './app-stalkerware.js'
import { appVulnerable } from './app-vulnerable.js'

/** Apps (catalogue, section 1): what they are, where they come from, how they are made, what they may do, what they did. */
export const APP_DETECTIONS: readonly Detection[] = [
  appMercenarySpyware,
  appStalkerware,
  ...APP_FAMILIES,
  ...APP_KINDS,
  appKevVulnerable,
  appVulnerable,
  appDenylisted,
  appNotAllowlisted,
  appSideloaded,
  appAdbInstalled,
  appThirdPartyStore,
  appNonStoreSignerIos,
  appAdhocSignedIos,
  appBetaIos,
  appAltMarketplaceIos,
  appUnvalidatedIos,
  appCertMismatch,
  appLookalike,
  appDebugCertificate,
  appDebuggable,
  appTargetSdkOld,
  appUpdateAvailable,
  appRemovedFromStore,
  appLowReputation,
  appRiskyPermissions,
  appSmsAccess,
  appAccessibilityService,
  appOverlay,
  appScreenCaptureControl,
  appNotificationListener,
  appDeviceAdmin,
  appInstallPackages,
  appHiddenIcon,
  appThirdPartyKeyboard,
  appHookingFramework,
  appC2Contact,
  ...APP_DATA_SENT,
  appMaliciousFile,
  appSecurityDisabled,
  appAgentTampered
]
