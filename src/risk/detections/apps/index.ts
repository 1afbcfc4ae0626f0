import type { Detection } from '../../detection.js'
import { appAdware } from './app-adware.js'
import { appKevVulnerable } from './app-kev-vulnerable.js'
import { appMalwareKnown } from './app-malware-known.js'
import { appMercenarySpyware } from './app-mercenary-spyware.js'
import { appSideloaded } from './app-sideloaded.js'
import { appStalkerware } from './app-stalkerware.js'
import { appVulnerable } from './app-vulnerable.js'
import { appWatchware } from './app-watchware.js'

/** Apps, the gravest first (catalogue, section 1). */
export const APP_DETECTIONS: readonly Detection[] = [
  appMercenarySpyware,
  appStalkerware,
  appMalwareKnown,
  appWatchware,
  appAdware,
  appKevVulnerable,
  appVulnerable,
  appSideloaded
]
