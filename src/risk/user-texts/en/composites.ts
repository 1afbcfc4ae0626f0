import type { UserTexts } from '../user-text.js'

export const compositeTexts: UserTexts = {
  'cmp-ca-and-mitm': {
    title: 'Somebody added a certificate to this phone, and encrypted connections are being read ({subject}).',
    steps: [
      'Leave this network now and use mobile data.',
      'Open the settings, search for "certificates", and remove those that you do not know.',
      'Change the passwords that you used on this network, on another device.'
    ]
  },
  'cmp-profile-and-proxy': {
    title: 'A configuration profile that is not your organisation\'s directs your connections elsewhere ({subject}).',
    steps: [
      'Open the settings, then General, then VPN & Device Management.',
      'Select the profile and remove it.',
      'Change the passwords that you used since it was installed.'
    ]
  },
  'cmp-usb-takeover': {
    title: 'Somebody connected this phone to a computer and installed an app from there ({subject}).',
    steps: [
      'Unplug the phone.',
      'Open the settings, then System, then Developer options; revoke the USB debugging authorisations and turn USB debugging off.',
      'Uninstall the app, unless you installed it yourself.'
    ]
  },
  'cmp-debug-weak': {
    title: 'Anybody who holds this phone can connect it to a computer and read it: it has no screen lock, and USB debugging is on.',
    steps: [
      'Set a screen lock in the settings.',
      'Open the settings, then System, then Developer options, and turn off USB debugging.'
    ]
  },
  'cmp-attestation-conflict': {
    title: 'This phone cannot prove that its system is genuine, and looks as if that were hidden.',
    steps: [
      'Do not enter passwords on this phone for now.',
      'Restart the phone and open the security app.',
      'If this message stays, bring the phone to your IT team.'
    ]
  },
  'cmp-old-and-exploited': {
    title: 'A dangerous page was opened on this phone, whose system is too old to resist it ({subject}).',
    steps: [
      'Close the page.',
      'Install the system update now.',
      'Ask your security team to look at the phone before you use it for work again.'
    ]
  },
  'cmp-phish-then-tamper': {
    title: 'After a page that steals passwords was opened, something attacked this phone ({subject}).',
    steps: [
      'Stop using this phone now and leave it switched on.',
      'Call your security team from another phone.'
    ]
  },
  'cmp-sideload-accessibility': {
    title: 'An app from outside the stores may read and press everything on this phone ({subject}).',
    steps: [
      'Uninstall the app.',
      'Check your bank accounts and call your bank if something is wrong.',
      'Change your passwords from another device.'
    ]
  },
  'cmp-sideload-admin-hidden': {
    title: 'A hidden app from outside the stores may lock or erase this phone ({subject}).',
    steps: [
      'If somebody else may have installed it, think of your safety first and get advice from another device (stopstalkerware.org).',
      'Open Settings, then Security, then Device admin apps, and switch the app off there.',
      'Uninstall it under Settings, then Apps.'
    ]
  }
}
