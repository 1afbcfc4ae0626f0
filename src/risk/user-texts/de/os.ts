import type { UserTexts } from '../user-text.js'

export const osTexts: UserTexts = {
  'os-cve-kev': {
    title: 'Dieses Telefon hat eine Sicherheitslücke, die Angreifer ausnutzen ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann System oder Allgemein, dann Softwareupdate.', 'Installieren Sie das Update noch heute. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'os-patch-180d': {
    title: 'Dieses Telefon hat lange kein Sicherheitsupdate bekommen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', 'Installieren Sie das Update. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  }
}
