import type { Detection } from '../../detection.js'
import { devAdbActivity } from './dev-adb-activity.js'
import { devAdbKey } from './dev-adb-key.js'
import { devAttestationHardware } from './dev-attestation-hardware.js'
import { devAttestationHyperactive } from './dev-attestation-hyperactive.js'
import { devAttestationStale } from './dev-attestation-stale.js'
import { ATTESTATION_VERDICTS } from './dev-attestation-verdicts.js'
import { devAutolockLong } from './dev-autolock-long.js'
import { devBiometricOff } from './dev-biometric-off.js'
import { devBootloaderUnlocked } from './dev-bootloader-unlocked.js'
import { devClockSkew } from './dev-clock-skew.js'
import { devCommonCriteriaOff } from './dev-common-criteria-off.js'
import { devDeveloperMode } from './dev-developer-mode.js'
import { devEmulator } from './dev-emulator.js'
import { devEncryptionDefaultKey } from './dev-encryption-default-key.js'
import { devForeignMdm } from './dev-foreign-mdm.js'
import { devJailbroken } from './dev-jailbroken.js'
import { devKeyguardFailures } from './dev-keyguard-failures.js'
import { devLogGap } from './dev-log-gap.js'
import { devMaliciousProfile } from './dev-malicious-profile.js'
import { devNoPasscode } from './dev-no-passcode.js'
import { devPasscodeWeak } from './dev-passcode-weak.js'
import { devPlayProtectOff } from './dev-play-protect-off.js'
import { devPlayProtectVerdict } from './dev-play-protect-verdict.js'
import { devProfileUnremovable } from './dev-profile-unremovable.js'
import { devRootBinary } from './dev-root-binary.js'
import { devRooted } from './dev-rooted.js'
import { devRootHidden } from './dev-root-hidden.js'
import { devSelinuxPermissive } from './dev-selinux-permissive.js'
import { devSuspiciousFile } from './dev-suspicious-file.js'
import { devSystemTampered } from './dev-system-tampered.js'
import { devSystemWritable } from './dev-system-writable.js'
import { devUnencrypted } from './dev-unencrypted.js'
import { devUnknownSources } from './dev-unknown-sources.js'
import { devUntrustedProfile } from './dev-untrusted-profile.js'
import { devUsbDebugging } from './dev-usb-debugging.js'
import { DEVICE_EVENTS } from './device-events.js'

/** Integrity and configuration of the device (catalogue, section 4). */
export const DEVICE_DETECTIONS: readonly Detection[] = [
  devRooted,
  devJailbroken,
  devRootBinary,
  devRootHidden,
  devSystemWritable,
  devSystemTampered,
  devSuspiciousFile,
  devSelinuxPermissive,
  devBootloaderUnlocked,
  ...ATTESTATION_VERDICTS,
  devAttestationHardware,
  devAttestationStale,
  devAttestationHyperactive,
  devPlayProtectOff,
  devPlayProtectVerdict,
  devNoPasscode,
  devPasscodeWeak,
  devAutolockLong,
  devBiometricOff,
  devKeyguardFailures,
  devUnencrypted,
  devEncryptionDefaultKey,
  devDeveloperMode,
  devUsbDebugging,
  devAdbKey,
  devAdbActivity,
  devUnknownSources,
  devMaliciousProfile,
  devUntrustedProfile,
  devForeignMdm,
  devProfileUnremovable,
  devEmulator,
  devLogGap,
  ...DEVICE_EVENTS,
  devClockSkew,
  devCommonCriteriaOff
]
