import type { UserTexts } from '../user-text.js'

export const deviceTexts: UserTexts = {
  'dev-rooted': {
    title: 'This phone is rooted, so its protections do not hold.',
    steps: ['Save what you need.', 'Have the maker\'s original system installed again. This erases the phone.', 'Set the phone up anew with your IT team.']
  },
  'dev-jailbroken': {
    title: 'This device is jailbroken, so its protections do not hold.',
    steps: ['Save what you need.', 'Connect the device to a computer and restore it with Finder or iTunes.', 'Set the device up anew with your IT team.']
  },
  'dev-root-binary': {
    title: 'There is a tool on this phone that gets past its protections ({subject}).',
    steps: ['Save what you need.', 'Have the maker\'s original system installed again. This erases the phone.', 'Set the phone up anew with your IT team.']
  },
  'dev-malicious-profile': {
    title: 'A dangerous configuration profile is installed ({subject}).',
    steps: ['Open the settings, then General, then VPN & Device Management.', 'Select the profile and remove it.', 'Change the passwords that you used since it was installed.']
  },
  'dev-no-passcode': {
    title: 'This phone has no screen lock.',
    steps: ['Open the settings and search for "screen lock" (on an iPhone: Face ID & Passcode).', 'Set a PIN, a password or a code of at least six digits.']
  },
  'dev-unencrypted': {
    title: 'What is stored on this phone is not encrypted.',
    steps: ['Open the settings and search for "encryption".', 'Turn encryption on. If the phone cannot do that, ask your IT team for another one.']
  },
  'dev-usb-debugging': {
    title: 'USB debugging is on.',
    steps: ['Open the settings, then System, then Developer options.', 'Turn off USB debugging.']
  }
}
