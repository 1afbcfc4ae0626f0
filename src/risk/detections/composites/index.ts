import type { Detection } from '../../detection.js'
import { cmpAttestationConflict } from './cmp-attestation-conflict.js'
import { cmpCaAndMitm } from './cmp-ca-and-mitm.js'
import { cmpOldAndExploited } from './cmp-old-and-exploited.js'
import { cmpPhishThenTamper } from './cmp-phish-then-tamper.js'
import { cmpProfileAndProxy } from './cmp-profile-and-proxy.js'
import { cmpSideloadAccessibility, cmpSideloadAdminHidden } from './cmp-sideloaded.js'
import { cmpDebugWeak, cmpUsbTakeover } from './cmp-usb.js'

/** Made of what others found; judged last. */
export const COMPOSITE_DETECTIONS: readonly Detection[] = [
  cmpPhishThenTamper,
  cmpSideloadAccessibility,
  cmpSideloadAdminHidden,
  cmpCaAndMitm,
  cmpProfileAndProxy,
  cmpUsbTakeover,
  cmpDebugWeak,
  cmpAttestationConflict,
  cmpOldAndExploited
]
