import type { Detection } from '../../detection.js'
import { devJailbroken } from './dev-jailbroken.js'
import { devMaliciousProfile } from './dev-malicious-profile.js'
import { devNoPasscode } from './dev-no-passcode.js'
import { devRootBinary } from './dev-root-binary.js'
import { devRooted } from './dev-rooted.js'
import { devUnencrypted } from './dev-unencrypted.js'
import { devUsbDebugging } from './dev-usb-debugging.js'

/** Integrity and configuration of the device. */
export const DEVICE_DETECTIONS: readonly Detection[] = [
  devRooted,
  devJailbroken,
  devRootBinary,
  devMaliciousProfile,
  devNoPasscode,
  devUnencrypted,
  devUsbDebugging
]
