import type { UserTexts } from '../user-text.js'

const ASK_FOR_ANOTHER = 'Installieren Sie das Update. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.'
const OPEN_UPDATE = 'Öffnen Sie die Einstellungen, dann System oder Allgemein, dann Softwareupdate.'
const KEEP_EVIDENCE = 'Löschen und aktualisieren Sie das Telefon nicht, und starten Sie es nicht neu: Das würde Spuren zerstören.'

export const osTexts: UserTexts = {
  'os-active-exploit': {
    title: 'Dieses Telefon wird offenbar gerade angegriffen.',
    steps: ['Schalten Sie das Telefon nicht aus, und benutzen Sie es nicht mehr für die Arbeit.', 'Rufen Sie Ihr Sicherheitsteam von einem anderen Telefon aus an.', 'Warten Sie auf dessen Rat, bevor Sie am Telefon etwas ändern.']
  },
  'os-exploit-trace': {
    title: 'Auf diesem Telefon gibt es Spuren eines Angriffs ({subject}).',
    steps: [KEEP_EVIDENCE, 'Benutzen Sie es nicht mehr für die Arbeit und für nichts Vertrauliches.', 'Rufen Sie Ihr Sicherheitsteam von einem anderen Telefon aus an.']
  },
  'os-cve-kev': {
    title: 'Dieses Telefon hat eine Sicherheitslücke, die Angreifer ausnutzen ({subject}).',
    steps: [OPEN_UPDATE, 'Installieren Sie das Update noch heute. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'os-cve-critical': {
    title: 'Dieses Telefon hat gefährliche Sicherheitslücken, die ein Update schließt.',
    steps: [OPEN_UPDATE, ASK_FOR_ANOTHER]
  },
  'os-end-of-life': {
    title: 'Das System dieses Telefons bekommt keine Sicherheitsupdates mehr.',
    steps: [OPEN_UPDATE, 'Installieren Sie eine neuere Version des Systems, wenn eine angeboten wird.', 'Wenn es keine gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'os-outdated': {
    title: 'Das System dieses Telefons ist älter, als Ihre Organisation es erlaubt.',
    steps: [OPEN_UPDATE, ASK_FOR_ANOTHER]
  },
  'os-outdated-no-fix': {
    title: 'Das System dieses Telefons ist älter, als Ihre Organisation es erlaubt, und es gibt kein Update dafür.',
    steps: ['Bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'os-above-maximum': {
    title: 'Das System dieses Telefons ist neuer, als Ihre Organisation es freigegeben hat.',
    steps: ['Sie müssen nichts tun. Wenn eine Arbeits-App nicht funktioniert, sagen Sie Ihrer IT-Abteilung Bescheid.']
  },
  'os-beta': {
    title: 'Auf diesem Telefon läuft eine Testversion des Systems.',
    steps: ['Öffnen Sie die Einstellungen, dann System oder Allgemein, dann Softwareupdate, und verlassen Sie das Beta-Programm.', 'Installieren Sie die fertige Version, sobald sie angeboten wird. Wenn Sie für Ihre Organisation testen, sagen Sie Ihrer IT-Abteilung Bescheid.']
  },
  'os-patch-90d': {
    title: 'Dieses Telefon hat seit einigen Monaten kein Sicherheitsupdate bekommen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', 'Installieren Sie das Update.']
  },
  'os-patch-180d': {
    title: 'Dieses Telefon hat lange kein Sicherheitsupdate bekommen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', ASK_FOR_ANOTHER]
  },
  'os-patch-365d': {
    title: 'Dieses Telefon hat seit über einem Jahr oder länger, als Ihre Organisation es erlaubt, kein Sicherheitsupdate bekommen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', ASK_FOR_ANOTHER]
  },
  'os-patch-unknown': {
    title: 'Wie alt das Sicherheitsupdate dieses Telefons ist, lässt sich nicht feststellen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', 'Installieren Sie das Update, das angeboten wird.']
  },
  'os-update-pending': {
    title: 'Auf diesem Telefon wartet seit einiger Zeit ein Update.',
    steps: [OPEN_UPDATE, 'Schließen Sie das Telefon ans Ladegerät an, verbinden Sie es mit einem WLAN, und installieren Sie das Update.']
  },
  'os-rapid-response-missing': {
    title: 'Eine schnelle Sicherheitskorrektur von Apple ist nicht installiert ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Allgemein, dann Softwareupdate.', 'Installieren Sie die Sicherheitsmaßnahme. Das dauert wenige Minuten.']
  },
  'os-update-blocked': {
    title: 'Die App, die Systemupdates installiert, ist ausgeschaltet ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Apps, und lassen Sie System-Apps anzeigen.', 'Wählen Sie die App aus, und schalten Sie sie ein. Wenn das nicht geht, fragen Sie Ihre IT-Abteilung.']
  },
  'os-unknown-build': {
    title: 'Das System dieses Telefons ist nicht das des Herstellers.',
    steps: ['Sichern Sie, was Sie brauchen.', 'Lassen Sie das Originalsystem des Herstellers neu installieren. Dabei wird das Telefon gelöscht.', 'Richten Sie das Telefon mit Ihrer IT-Abteilung neu ein.']
  },
  'os-downgraded': {
    title: 'Das System dieses Telefons ist älter geworden, als es war.',
    steps: [OPEN_UPDATE, 'Installieren Sie das neueste Update.', 'Wenn Sie das System nicht selbst geändert haben, sagen Sie Ihrer IT-Abteilung Bescheid.']
  },
  'os-unsupported-model': {
    title: 'Ihre Organisation unterstützt dieses Modell nicht ({subject}).',
    steps: ['Fragen Sie Ihre IT-Abteilung, welche Telefone Sie benutzen können.']
  },
  'os-lockdown-off-vip': {
    title: 'Der Blockierungsmodus ist ausgeschaltet. Ihre Organisation bittet Sie, ihn zu benutzen.',
    steps: ['Öffnen Sie die Einstellungen, dann Datenschutz & Sicherheit, dann Blockierungsmodus.', 'Schalten Sie den Blockierungsmodus ein. Das Telefon startet neu.']
  }
}
