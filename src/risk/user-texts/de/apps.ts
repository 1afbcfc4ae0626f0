import type { UserTexts } from '../user-text.js'

export const appTexts: UserTexts = {
  'app-mercenary-spyware': {
    title: 'Auf diesem Telefon gibt es Anzeichen professioneller Spionagesoftware ({subject}).',
    steps: [
      'Setzen Sie das Telefon nicht zurück, aktualisieren Sie es nicht und starten Sie es nicht neu: Das würde Beweise zerstören.',
      'Rufen Sie sofort Ihr Sicherheitsteam an, von einem anderen Telefon aus.',
      'Lassen Sie dieses Telefon eingeschaltet, halten Sie es von vertraulichen Gesprächen fern und benutzen Sie es nicht, bis Sie mehr hören.'
    ]
  },
  'app-stalkerware': {
    title: 'Eine App auf diesem Telefon kann Sie heimlich überwachen ({subject}).',
    steps: [
      'Denken Sie zuerst an Ihre Sicherheit: Wer die App installiert hat, kann bemerken, dass Sie sie entfernen.',
      'Holen Sie sich Rat über ein anderes Gerät, das diese Person nicht erreicht: stopstalkerware.org nennt Beratungsstellen, das Hilfetelefon „Gewalt gegen Frauen“ erreichen Sie in Deutschland unter 116 016, oder fragen Sie Ihr Sicherheitsteam.',
      'Wenn es sicher ist, entfernen Sie die App und ändern Sie Ihre Passwörter von einem anderen Gerät aus.'
    ]
  },
  'app-malware-known': {
    title: 'Eine gefährliche App ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Ändern Sie von einem anderen Gerät aus die Passwörter, die Sie auf diesem Telefon benutzt haben.',
      'Wenn Sie mit diesem Telefon Bankgeschäfte erledigen, informieren Sie Ihre Bank.'
    ]
  },
  'app-watchware': {
    title: 'Eine Überwachungs-App ist installiert ({subject}).',
    steps: ['Finden Sie heraus, wer sie installiert hat.', 'Entfernen Sie sie: Sie könnte mitlesen, was Sie beruflich tun.']
  },
  'app-adware': {
    title: 'Eine App, die unerwünschte Werbung zeigt, ist installiert ({subject}).',
    steps: ['Deinstallieren Sie die App.']
  },
  'app-kev-vulnerable': {
    title: 'Eine App hat eine Sicherheitslücke, die Angreifer ausnutzen ({subject}).',
    steps: ['Aktualisieren Sie die App noch heute im Store und öffnen Sie sie bis dahin nicht.', 'Wenn es kein Update gibt, deinstallieren Sie sie.']
  },
  'app-vulnerable': {
    title: 'Eine App hat eine bekannte Sicherheitslücke ({subject}).',
    steps: ['Aktualisieren Sie die App im Store.', 'Wenn es kein Update gibt, deinstallieren Sie sie.']
  },
  'app-sideloaded': {
    title: 'Eine App stammt nicht aus einem App-Store ({subject}).',
    steps: ['Deinstallieren Sie die App.', 'Wenn Sie sie brauchen, installieren Sie sie aus dem Play Store oder fragen Sie Ihre IT-Abteilung.']
  }
}
