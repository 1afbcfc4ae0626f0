import type { Detection } from '../detection.js'
import { appAdware } from './app-adware.js'
import { appKevVulnerable } from './app-kev-vulnerable.js'
import { appMalwareKnown } from './app-malware-known.js'
import { appMercenarySpyware } from './app-mercenary-spyware.js'
import { appSideloaded } from './app-sideloaded.js'
import { appStalkerware } from './app-stalkerware.js'
import { appVulnerable } from './app-vulnerable.js'
import { appWatchware } from './app-watchware.js'
import { devJailbroken } from './dev-jailbroken.js'
import { devMaliciousProfile } from './dev-malicious-profile.js'
import { devNoPasscode } from './dev-no-passcode.js'
import { devRootBinary } from './dev-root-binary.js'
import { devRooted } from './dev-rooted.js'
import { devUnencrypted } from './dev-unencrypted.js'
import { devUsbDebugging } from './dev-usb-debugging.js'
import { netC2Domain } from './net-c2-domain.js'
import { netTlsInterception } from './net-tls-interception.js'
import { netUserCa } from './net-user-ca.js'
import { osCveKev } from './os-cve-kev.js'
import { osPatch180d } from './os-patch-180d.js'

/** Every detection, by category, as the catalogue shows them. */
export const DETECTIONS: readonly Detection[] = [
  appMercenarySpyware,
  appStalkerware,
  appMalwareKnown,
  appWatchware,
  appAdware,
  appKevVulnerable,
  appVulnerable,
  appSideloaded,
  netTlsInterception,
  netC2Domain,
  netUserCa,
  osCveKev,
  osPatch180d,
  devRooted,
  devJailbroken,
  devRootBinary,
  devMaliciousProfile,
  devNoPasscode,
  devUnencrypted,
  devUsbDebugging
]
