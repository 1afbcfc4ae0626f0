import type { UserTexts } from '../user-text.js'

export const managementTexts: UserTexts = {
  'mgmt-unmanaged': {
    title: 'This phone is not enrolled with your organisation.',
    steps: ['Open the company portal app and sign in.', 'Follow the steps that it shows. If that does not work, ask your IT team.']
  },
  'mgmt-permission-missing': {
    title: 'The security app may not do all that it needs to protect you ({subject}).',
    steps: ['Open the security app.', 'Allow what it asks for.']
  },
  'mgmt-agent-outdated': {
    title: 'The security app is out of date.',
    steps: ['Open the app store and update the security app.']
  },
  'mgmt-scan-overdue': {
    title: 'This phone has not been checked for some time.',
    steps: ['Open the security app and start a scan.', 'Let the security app run in the background (settings, then Apps, then the app, then Battery).']
  },
  'mgmt-policy-stale': {
    title: 'This phone does not have the latest settings of your organisation yet.',
    steps: ['Connect the phone to the internet.', 'Open the company portal app and synchronise the phone.']
  },
  'mgmt-inventory-withheld': {
    title: 'We do not see your apps, so we cannot warn you of dangerous ones.',
    steps: ['You do not need to do anything. If you want to be warned, allow the list of apps in the security app.']
  }
}
