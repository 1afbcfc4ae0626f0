import type { UserTexts } from '../user-text.js'

export const osTexts: UserTexts = {
  'os-cve-kev': {
    title: 'This phone has a security hole that attackers use ({subject}).',
    steps: ['Open the settings, then System or General, then Software Update.', 'Install the update today. If there is none, ask your IT team for another phone.']
  },
  'os-patch-180d': {
    title: 'This phone has had no security update for a long time.',
    steps: ['Open the settings, then System, then Software update.', 'Install the update. If there is none, ask your IT team for another phone.']
  }
}
