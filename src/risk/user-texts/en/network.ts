import type { UserTexts } from '../user-text.js'

export const networkTexts: UserTexts = {
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
  }
}
