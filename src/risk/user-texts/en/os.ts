import type { UserTexts } from '../user-text.js'

const ASK_FOR_ANOTHER = 'Install the update. If there is none, ask your IT team for another phone.'
const OPEN_UPDATE = 'Open the settings, then System or General, then Software Update.'
const KEEP_EVIDENCE = 'Do not erase, update or restart the phone: that would destroy traces.'

export const osTexts: UserTexts = {
  'os-active-exploit': {
    title: 'Somebody seems to be attacking this phone.',
    steps: ['Do not switch the phone off, and stop using it for work.', 'Call your security team from another phone.', 'Wait for their advice before you change anything on the phone.']
  },
  'os-exploit-trace': {
    title: 'This phone shows traces of an attack ({subject}).',
    steps: [KEEP_EVIDENCE, 'Stop using it for work and for anything confidential.', 'Call your security team from another phone.']
  },
  'os-cve-kev': {
    title: 'This phone has a security hole that attackers use ({subject}).',
    steps: [OPEN_UPDATE, 'Install the update today. If there is none, ask your IT team for another phone.']
  },
  'os-cve-critical': {
    title: 'This phone has dangerous security holes that an update closes.',
    steps: [OPEN_UPDATE, ASK_FOR_ANOTHER]
  },
  'os-end-of-life': {
    title: 'The system of this phone gets no security updates any more.',
    steps: [OPEN_UPDATE, 'Install a newer version of the system if one is offered.', 'If there is none, ask your IT team for another phone.']
  },
  'os-outdated': {
    title: 'The system of this phone is older than your organisation allows.',
    steps: [OPEN_UPDATE, ASK_FOR_ANOTHER]
  },
  'os-outdated-no-fix': {
    title: 'The system of this phone is older than your organisation allows, and there is no update for it.',
    steps: ['Ask your IT team for another phone.']
  },
  'os-above-maximum': {
    title: 'The system of this phone is newer than your organisation has approved.',
    steps: ['You do not need to do anything. If a work app does not work, tell your IT team.']
  },
  'os-beta': {
    title: 'This phone runs a test version of its system.',
    steps: ['Open the settings, then System or General, then Software Update, and leave the beta programme.', 'Install the released version when it is offered. If you test for your organisation, tell your IT team.']
  },
  'os-patch-90d': {
    title: 'This phone has had no security update for some months.',
    steps: ['Open the settings, then System, then Software update.', 'Install the update.']
  },
  'os-patch-180d': {
    title: 'This phone has had no security update for a long time.',
    steps: ['Open the settings, then System, then Software update.', ASK_FOR_ANOTHER]
  },
  'os-patch-365d': {
    title: 'This phone has had no security update for more than a year, or longer than your organisation allows.',
    steps: ['Open the settings, then System, then Software update.', ASK_FOR_ANOTHER]
  },
  'os-patch-unknown': {
    title: 'Nobody can tell how old the security update of this phone is.',
    steps: ['Open the settings, then System, then Software update.', 'Install the update that is offered.']
  },
  'os-update-pending': {
    title: 'An update has been waiting on this phone for some time.',
    steps: [OPEN_UPDATE, 'Connect the phone to power and Wi-Fi and install the update.']
  },
  'os-rapid-response-missing': {
    title: 'A quick security fix from Apple is not installed ({subject}).',
    steps: ['Open the settings, then General, then Software Update.', 'Install the security response. It takes a few minutes.']
  },
  'os-update-blocked': {
    title: 'The app that installs system updates is switched off ({subject}).',
    steps: ['Open the settings, then Apps, and show system apps.', 'Choose the app and switch it on. If you cannot, ask your IT team.']
  },
  'os-unknown-build': {
    title: 'The system of this phone is not the one of its maker.',
    steps: ['Save what you need.', 'Have the maker\'s original system installed again. This erases the phone.', 'Set the phone up anew with your IT team.']
  },
  'os-downgraded': {
    title: 'The system of this phone has become older than it was.',
    steps: [OPEN_UPDATE, 'Install the latest update.', 'If you did not change the system yourself, tell your IT team.']
  },
  'os-unsupported-model': {
    title: 'Your organisation does not support this model ({subject}).',
    steps: ['Ask your IT team which phones you can use.']
  },
  'os-lockdown-off-vip': {
    title: 'Lockdown Mode is off. Your organisation asks you to use it.',
    steps: ['Open the settings, then Privacy & Security, then Lockdown Mode.', 'Turn on Lockdown Mode. The phone restarts.']
  }
}
