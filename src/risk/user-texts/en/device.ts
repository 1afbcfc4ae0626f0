import type { UserTexts } from '../user-text.js'

/** A system that was changed can only be replaced. */
const STOCK_SYSTEM = ['Save what you need.', 'Have the maker\'s original system installed again. This erases the phone.', 'Set the phone up anew with your IT team.'] as const
const DEVELOPER_OPTIONS = 'Open the settings, then System, then Developer options.'
const PROFILES = 'Open the settings, then General, then VPN & Device Management.'
/** Where somebody close may be watching, to remove something may put a person in danger. */
const SAFETY_FIRST = 'If somebody close to you may have set this up, think of your safety first: get advice on another device (stopstalkerware.org lists help lines) before you change anything.'

export const deviceTexts: UserTexts = {
  'dev-rooted': {
    title: 'This phone is rooted, so its protections do not hold.',
    steps: STOCK_SYSTEM
  },
  'dev-jailbroken': {
    title: 'This device is jailbroken, so its protections do not hold.',
    steps: ['Save what you need.', 'Connect the device to a computer and restore it with Finder or iTunes.', 'Set the device up anew with your IT team.']
  },
  'dev-root-binary': {
    title: 'There is a tool on this phone that gets past its protections ({subject}).',
    steps: STOCK_SYSTEM
  },
  'dev-root-hidden': {
    title: 'There is a tool on this phone that hides changes to its system ({subject}).',
    steps: STOCK_SYSTEM
  },
  'dev-system-writable': {
    title: 'The system of this phone is not protected against changes.',
    steps: STOCK_SYSTEM
  },
  'dev-system-tampered': {
    title: 'The system of this phone was changed.',
    steps: STOCK_SYSTEM
  },
  'dev-suspicious-file': {
    title: 'There is a program on this phone in a place where it should not be ({subject}).',
    steps: ['Do not delete anything yet.', 'Tell your security team, and who has connected the phone to a computer.']
  },
  'dev-selinux-permissive': {
    title: 'An important protection of this phone is switched off.',
    steps: STOCK_SYSTEM
  },
  'dev-bootloader-unlocked': {
    title: 'This phone would start any system that somebody puts on it.',
    steps: ['Save what you need.', 'Ask your IT team to lock the phone\'s start-up program (bootloader) again. This erases the phone.', 'Set the phone up anew with your IT team.']
  },
  'dev-attestation-failed': {
    title: 'The check whether this phone is genuine and unchanged has failed.',
    steps: ['Restart the phone, connect it to the internet and open the security app.', 'If the message stays, ask your IT team.']
  },
  'dev-attestation-basic-only': {
    title: 'Google confirms only in part that this phone is genuine and unchanged.',
    steps: ['Install the latest system update and restart the phone.', 'If the message stays, ask your IT team.']
  },
  'dev-attestation-ios': {
    title: 'The check whether this device and its security app are genuine has failed.',
    steps: ['Delete the security app and install it again from the App Store.', 'If the message stays, ask your IT team.']
  },
  'dev-attestation-hardware': {
    title: 'The phone\'s hardware does not confirm that its system is genuine.',
    steps: ['Restart the phone and open the security app.', 'If the message stays, ask your IT team.']
  },
  'dev-attestation-stale': {
    title: 'It was not checked for some time whether this phone is genuine and unchanged.',
    steps: ['Connect the phone to the internet.', 'Open the security app and wait a moment.']
  },
  'dev-attestation-hyperactive': {
    title: 'This phone asks unusually often to be checked.',
    steps: ['Restart the phone.', 'If the message stays, ask your IT team.']
  },
  'dev-play-protect-off': {
    title: 'Google Play Protect is switched off, so nobody checks your apps.',
    steps: ['Open the Play Store, tap your picture, then Play Protect.', 'Tap the cogwheel and turn on the scan for apps.']
  },
  'dev-play-protect-verdict': {
    title: 'Google Play Protect has found harmful apps on this phone.',
    steps: [SAFETY_FIRST, 'Open the Play Store, tap your picture, then Play Protect.', 'Remove the apps that it names.']
  },
  'dev-no-passcode': {
    title: 'This phone has no screen lock.',
    steps: ['Open the settings and search for "screen lock" (on an iPhone: Face ID & Passcode).', 'Set a PIN, a password or a code of at least six digits.']
  },
  'dev-passcode-weak': {
    title: 'The code of your screen lock is too easy to guess.',
    steps: ['Open the settings and search for "screen lock" (on an iPhone: Face ID & Passcode).', 'Choose a longer code.']
  },
  'dev-autolock-long': {
    title: 'This phone stays open for a long time when nobody uses it.',
    steps: ['Open the settings, then Display (on an iPhone: Display & Brightness, then Auto-Lock).', 'Choose a shorter time.']
  },
  'dev-biometric-off': {
    title: 'Your organisation asks you to set up your fingerprint or face.',
    steps: ['Open the settings, then Security (on an iPhone: Face ID & Passcode).', 'Set up your fingerprint or face.']
  },
  'dev-keyguard-failures': {
    title: 'Somebody tried many times to unlock this phone.',
    steps: ['If it was you, you do not need to do anything.', 'If somebody else had the phone, change its PIN or password and tell your IT team.']
  },
  'dev-unencrypted': {
    title: 'What is stored on this phone is not encrypted.',
    steps: ['Open the settings and search for "encryption".', 'Turn encryption on. If the phone cannot do that, ask your IT team for another one.']
  },
  'dev-encryption-default-key': {
    title: 'What is stored on this phone is encrypted, but not protected by your code.',
    steps: ['Open the settings and search for "screen lock".', 'Set a PIN or password again, and let the phone ask for it when it starts.']
  },
  'dev-developer-mode': {
    title: 'The developer options are on.',
    steps: [DEVELOPER_OPTIONS, 'Turn them off with the switch at the top.']
  },
  'dev-usb-debugging': {
    title: 'USB debugging is on.',
    steps: [DEVELOPER_OPTIONS, 'Turn off USB debugging.']
  },
  'dev-adb-key': {
    title: 'Computers may get into this phone by cable.',
    steps: [DEVELOPER_OPTIONS, 'Tap "Revoke USB debugging authorisations".']
  },
  'dev-adb-activity': {
    title: 'A computer has worked on this phone by cable or Wi-Fi.',
    steps: ['If it was you, tell your IT team so that they know.', 'If not, disconnect the phone from the computer, turn off USB debugging in the developer options and tell your IT team.']
  },
  'dev-unknown-sources': {
    title: 'This phone admits apps from elsewhere than the store.',
    steps: ['Open the settings and search for "install unknown apps".', 'Turn it off.']
  },
  'dev-malicious-profile': {
    title: 'A dangerous configuration profile is installed ({subject}).',
    steps: [PROFILES, 'Select the profile and remove it.', 'Change the passwords that you used since it was installed.']
  },
  'dev-untrusted-profile': {
    title: 'A profile that your organisation does not know can see or redirect what this phone sends ({subject}).',
    steps: [SAFETY_FIRST, PROFILES, 'Remove the profile if you do not know it or do not need it any more.']
  },
  'dev-foreign-mdm': {
    title: 'This phone is managed by somebody else ({subject}).',
    steps: [SAFETY_FIRST, 'If it is a former employer or a school, ask them to release the phone.', 'Ask your IT team how to enrol the phone anew.']
  },
  'dev-profile-unremovable': {
    title: 'There is a profile on this phone that you cannot remove ({subject}).',
    steps: ['Ask your IT team. You cannot solve this yourself.']
  },
  'dev-emulator': {
    title: 'This is not a real phone.',
    steps: ['Use a real phone for your work apps.']
  },
  'dev-log-gap': {
    title: 'This phone has not recorded all that happened on it.',
    steps: ['Restart the phone and connect it to the internet.', 'If the message comes again, ask your IT team.']
  },
  'dev-key-integrity': {
    title: 'A digital key on this phone is damaged.',
    steps: ['Restart the phone.', 'If the message comes again, ask your IT team.']
  },
  'dev-wipe-failed': {
    title: 'This phone was to be erased, and that did not work.',
    steps: ['Bring the phone to your IT team.']
  },
  'dev-linked-device': {
    title: 'A messenger on this phone was linked to another device ({subject}).',
    steps: [SAFETY_FIRST, 'Open the messenger\'s settings, then Linked devices.', 'Remove the devices that you do not know.']
  },
  'dev-clock-skew': {
    title: 'The clock of this phone is wrong.',
    steps: ['Open the settings, then System or General, then Date & time.', 'Turn on automatic time.']
  },
  'dev-common-criteria-off': {
    title: 'A protection that your organisation asks for is not switched on.',
    steps: ['You do not need to do anything. Your IT team sets this up.']
  }
}
