import type { UserTexts } from '../user-text.js'

export const appTexts: UserTexts = {
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
  }
}
