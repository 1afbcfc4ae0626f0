import type { Detection } from '../../detection.js'
import { cmpAttestationConflict } from './cmp-attestation-conflict.js'
import { cmpCaAndMitm } from './cmp-ca-and-mitm.js'
import { cmpOldAndExploited } from './cmp-old-and-exploited.js'
import { cmpProfileAndProxy } from './cmp-profile-and-proxy.js'
import { cmpDebugWeak, cmpUsbTakeover } from './cmp-usb.js'

/** Made of what others found; judged last. */
export const COMPOSITE_DETECTIONS: readonly Detection[] = [
  cmpCaAndMitm,
  cmpProfileAndProxy,
  cmpUsbTakeover,
  cmpDebugWeak,
  cmpAttestationConflict,
  cmpOldAndExploited
]
