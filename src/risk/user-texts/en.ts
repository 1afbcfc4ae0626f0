import type { UserTexts } from './user-text.js'

export const englishTexts: UserTexts = {
  'app-mercenary-spyware': {
    title: 'There are signs of professional spyware on this phone ({subject}).',
    steps: [
      'Do not wipe, update or restart the phone: that would destroy evidence.',
      'Call your security team now, from another phone.',
      'Keep this phone switched on, away from confidential conversations, and do not use it until they tell you more.'
    ]
  },
  'app-stalkerware': {
    title: 'An app on this phone can watch you in secret ({subject}).',
    steps: [
      'Think of your safety first: whoever installed the app may notice when you remove it.',
      'Use another device that this person cannot reach to get advice: stopstalkerware.org lists help lines, or ask your security team.',
      'When it is safe, remove the app and change your passwords from another device.'
    ]
  },
  'app-malware-known': {
    title: 'A dangerous app is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'From another device, change the passwords that you used on this phone.',
      'If you use this phone for banking, tell your bank.'
    ]
  },
  'app-watchware': {
    title: 'A monitoring app is installed ({subject}).',
    steps: ['Find out who installed it.', 'Remove it: it could read what you do for work.']
  },
  'app-adware': {
    title: 'An app that shows unwanted advertising is installed ({subject}).',
    steps: ['Uninstall the app.']
  },
  'app-kev-vulnerable': {
    title: 'An app has a security hole that attackers use ({subject}).',
    steps: ['Update the app in the store today, and do not open it until then.', 'If there is no update, uninstall it.']
  },
  'app-vulnerable': {
    title: 'An app has a known security hole ({subject}).',
    steps: ['Update the app in the store.', 'If there is no update, uninstall it.']
  },
  'app-sideloaded': {
    title: 'An app did not come from an app store ({subject}).',
    steps: ['Uninstall the app.', 'If you need it, install it from the Play Store or ask your IT team.']
  },
  'net-tls-interception': {
    title: 'Somebody on this network is reading encrypted connections ({subject}).',
    steps: [
      'Leave this network now and use mobile data.',
      'Do not sign in to anything on it.',
      'If you entered a password here, change it on another network.'
    ]
  },
  'net-c2-domain': {
    title: 'This phone talked to a server used by criminals ({subject}).',
    steps: [
      'Do not enter passwords on this phone for now.',
      'Uninstall apps that you do not know.',
      'Ask your security team to look at the phone.'
    ]
  },
  'net-user-ca': {
    title: 'A certificate was added to this phone with which others can read your connections ({subject}).',
    steps: [
      'Open the settings and search for "certificates" (on an iPhone: General, VPN & Device Management).',
      'Remove the certificate, unless your IT team told you to install it.'
    ]
  },
  'os-cve-kev': {
    title: 'This phone has a security hole that attackers use ({subject}).',
    steps: ['Open the settings, then System or General, then Software Update.', 'Install the update today. If there is none, ask your IT team for another phone.']
  },
  'os-patch-180d': {
    title: 'This phone has had no security update for a long time.',
    steps: ['Open the settings, then System, then Software update.', 'Install the update. If there is none, ask your IT team for another phone.']
  },
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
