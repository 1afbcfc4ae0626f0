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
  },
  'app-ransomware': {
    title: 'An app that locks phones and asks for money is installed ({subject}).',
    steps: [
      'Do not pay.',
      'Disconnect the phone from all networks and call your security team.'
    ]
  },
  'app-banking-trojan': {
    title: 'An app that steals bank data is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Call your bank.',
      'Change the passwords that you used on this phone, from another device.'
    ]
  },
  'app-backdoor': {
    title: 'An app that lets strangers steer this phone is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Ask your security team to look at the phone.',
      'Change the passwords that you used on this phone, from another device.'
    ]
  },
  'app-exploit': {
    title: 'An app that breaks into the phone\'s system is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Install the latest system update.',
      'Ask your security team to look at the phone.'
    ]
  },
  'app-dropper': {
    title: 'An app that brings other dangerous apps is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Uninstall apps that you do not know.'
    ]
  },
  'app-toll-fraud': {
    title: 'An app that makes you pay in secret is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Check your phone bill.'
    ]
  },
  'app-dangerous': {
    title: 'An app that can open the way to company data is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Ask your IT team if you need it for work.'
    ]
  },
  'app-click-fraud': {
    title: 'An app that clicks on advertising in secret is installed ({subject}).',
    steps: ['Uninstall the app.']
  },
  'app-spam-sender': {
    title: 'An app that sends unwanted messages is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Tell your contacts not to open links that came from you.'
    ]
  },
  'app-pua': {
    title: 'An app that many people do not want is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Ask your IT team if you need it for work.'
    ]
  },
  'app-root-enabler': {
    title: 'A tool that takes this phone\'s protection away is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'If the phone was rooted with it, ask your IT team to restore it.'
    ]
  },
  'app-hacking-tool': {
    title: 'A tool for attacking networks or other devices is installed ({subject}).',
    steps: [
      'Uninstall the app.',
      'Ask your IT team if you need it for work.'
    ]
  },
  'app-remote-access': {
    title: 'An app with which others can steer this phone is installed ({subject}).',
    steps: ['Uninstall the app, unless your IT team uses it to help you.']
  },
  'app-backup-tool': {
    title: 'An app copies what is on this phone elsewhere ({subject}).',
    steps: ['Use the backup that your organisation offers instead.']
  },
  'app-location-tracking': {
    title: 'An app lets others see where this phone is ({subject}).',
    steps: [
      'Think of your safety first if somebody else installed it.',
      'Take away its access to your location, or uninstall it.'
    ]
  },
  'app-vpn-personal': {
    title: 'A VPN app that is not your organisation\'s is installed ({subject}).',
    steps: ['Use your organisation\'s VPN for work.']
  },
  'app-denylisted': {
    title: 'Your organisation does not allow an app on this phone ({subject}).',
    steps: ['Uninstall the app.']
  },
  'app-not-allowlisted': {
    title: 'An app is not among those that your organisation allows ({subject}).',
    steps: ['Uninstall the app, or ask your IT team to allow it.']
  },
  'app-adb-installed': {
    title: 'A computer installed an app on this phone ({subject}).',
    steps: [
      'If it was not you, uninstall the app and switch USB debugging off.',
      'Tell your IT team who had the phone.'
    ]
  },
  'app-third-party-store': {
    title: 'An app came from another store than Google Play ({subject}).',
    steps: ['Nothing has to be done.']
  },
  'app-non-store-signer-ios': {
    title: 'An app did not come from the App Store ({subject}).',
    steps: [
      'Delete the app.',
      'Open Settings, then General, then VPN & Device Management, and remove the developer there.'
    ]
  },
  'app-adhoc-signed-ios': {
    title: 'A test version of an app is installed ({subject}).',
    steps: ['Delete the app, unless you test it for your organisation.']
  },
  'app-beta-ios': {
    title: 'An app is a test version from TestFlight ({subject}).',
    steps: ['Nothing has to be done.']
  },
  'app-alt-marketplace-ios': {
    title: 'An app came from another marketplace than the App Store ({subject}).',
    steps: ['Install it from the App Store, or ask your IT team whether it may stay.']
  },
  'app-unvalidated-ios': {
    title: 'An app has not been checked by Apple yet ({subject}).',
    steps: [
      'Open the app once while the phone is online.',
      'If this message stays, delete the app.'
    ]
  },
  'app-cert-mismatch': {
    title: 'An app is not from the maker whose name it has ({subject}).',
    steps: [
      'Uninstall the app.',
      'Install it again from the store.',
      'Change the passwords that you used on this phone, from another device.'
    ]
  },
  'app-lookalike': {
    title: 'An app looks like a well-known one, but is another ({subject}).',
    steps: [
      'Look in the store who publishes it.',
      'If it is not who you think, uninstall it.'
    ]
  },
  'app-debug-certificate': {
    title: 'An app is a developer\'s test version ({subject}).',
    steps: ['Uninstall it, or install the published version.']
  },
  'app-debuggable': {
    title: 'An app can be looked into by others ({subject}).',
    steps: ['Install the published version from the store.']
  },
  'app-target-sdk-old': {
    title: 'An app was made for a very old Android ({subject}).',
    steps: ['Update the app, or use another one.']
  },
  'app-update-available': {
    title: 'An app has waited long for its update ({subject}).',
    steps: ['Update the app in its store.']
  },
  'app-removed-from-store': {
    title: 'An app is not in its store any more ({subject}).',
    steps: ['Consider using another app.']
  },
  'app-low-reputation': {
    title: 'An app has a poor reputation ({subject}).',
    steps: ['Look who publishes it, and uninstall it if you do not need it.']
  },
  'app-risky-permissions': {
    title: 'An app may do very much on this phone ({subject}).',
    steps: [
      'Open Settings, then Apps, then the app, then Permissions.',
      'Take away what it does not need.'
    ]
  },
  'app-sms-access': {
    title: 'An app may read or send text messages ({subject}).',
    steps: ['Open Settings, then Apps, then the app, then Permissions, and take SMS away.']
  },
  'app-accessibility-service': {
    title: 'An app may read and press everything on the screen ({subject}).',
    steps: [
      'Open Settings, then Accessibility, and switch the app off there.',
      'If you need it, ask your IT team to allow it.'
    ]
  },
  'app-overlay': {
    title: 'An app may draw over other apps ({subject}).',
    steps: [
      'Open Settings, then Apps, then Special access, then Display over other apps.',
      'Switch it off for this app.'
    ]
  },
  'app-screen-capture-control': {
    title: 'An app records this screen or can steer the phone.',
    steps: [
      'End recordings and shared screens.',
      'Look in Settings, then Accessibility, for apps that you do not know, and switch them off.'
    ]
  },
  'app-notification-listener': {
    title: 'An app may read all your notifications ({subject}).',
    steps: ['Open Settings, then Notifications, then Notification access, and switch it off for this app.']
  },
  'app-device-admin': {
    title: 'An app may lock or erase this phone ({subject}).',
    steps: [
      'Open Settings, then Security, then Device admin apps, and switch the app off there.',
      'Uninstall it if you do not need it.'
    ]
  },
  'app-install-packages': {
    title: 'An app may install others ({subject}).',
    steps: ['Open Settings, then Apps, then Special access, then Install unknown apps, and switch it off for this app.']
  },
  'app-hidden-icon': {
    title: 'An app hides on this phone ({subject}).',
    steps: [
      'If somebody else may have installed it, think of your safety first and get advice from another device (stopstalkerware.org).',
      'Find it under Settings, then Apps, and uninstall it.'
    ]
  },
  'app-third-party-keyboard': {
    title: 'A keyboard of another maker may send what you type ({subject}).',
    steps: ['Use the phone\'s own keyboard for work.']
  },
  'app-hooking-framework': {
    title: 'Something changes apps on this phone while they run ({subject}).',
    steps: [
      'Remove the tool and restart the phone.',
      'Ask your IT team if you need it for tests.'
    ]
  },
  'app-c2-contact': {
    title: 'An app has talked to a server of criminals ({subject}).',
    steps: [
      'Uninstall the app.',
      'Do not enter passwords on this phone until your security team has looked at it.'
    ]
  },
  'app-data-leak-card': {
    title: 'An app has sent a card number so that others can read it ({subject}).',
    steps: [
      'Stop using the app.',
      'Watch your card\'s statements.'
    ]
  },
  'app-data-leak-password': {
    title: 'An app has sent a password so that others can read it ({subject}).',
    steps: [
      'Change that password, also where you used it again.',
      'Stop using the app.'
    ]
  },
  'app-data-leak-identity': {
    title: 'An app has sent who or where you are so that others can read it ({subject}).',
    steps: ['Do not use this app on public Wi-Fi.']
  },
  'app-privacy-transmission': {
    title: 'An app has sent personal data without asking ({subject}).',
    steps: ['Take its permissions away, or uninstall it.']
  },
  'app-malicious-file': {
    title: 'A dangerous file is on this phone ({subject}).',
    steps: ['Delete the file and do not open it.']
  },
  'app-security-disabled': {
    title: 'An app that protects this phone is switched off ({subject}).',
    steps: ['Open Settings, then Apps, then the app, and switch it on.']
  },
  'app-agent-tampered': {
    title: 'The security app on this phone was changed.',
    steps: [
      'Uninstall the security app and install it again from the store.',
      'If this message comes back, call your security team.'
    ]
  }
}
