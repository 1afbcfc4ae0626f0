import type { UserTexts } from './user-text.js'

export const germanTexts: UserTexts = {
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
  },
  'net-tls-interception': {
    title: 'Jemand in diesem Netz liest verschlüsselte Verbindungen mit ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz jetzt und benutzen Sie mobile Daten.',
      'Melden Sie sich in diesem Netz nirgends an.',
      'Wenn Sie hier ein Passwort eingegeben haben, ändern Sie es in einem anderen Netz.'
    ]
  },
  'net-c2-domain': {
    title: 'Dieses Telefon hat mit einem Server von Kriminellen gesprochen ({subject}).',
    steps: [
      'Geben Sie auf diesem Telefon vorerst keine Passwörter ein.',
      'Deinstallieren Sie Apps, die Sie nicht kennen.',
      'Bitten Sie Ihr Sicherheitsteam, sich das Telefon anzusehen.'
    ]
  },
  'net-user-ca': {
    title: 'Auf diesem Telefon wurde ein Zertifikat hinzugefügt, mit dem andere Ihre Verbindungen mitlesen können ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen und suchen Sie nach „Zertifikate“ (auf dem iPhone: Allgemein, VPN und Geräteverwaltung).',
      'Entfernen Sie das Zertifikat, außer Ihre IT-Abteilung hat Sie gebeten, es zu installieren.'
    ]
  },
  'os-cve-kev': {
    title: 'Dieses Telefon hat eine Sicherheitslücke, die Angreifer ausnutzen ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann System oder Allgemein, dann Softwareupdate.', 'Installieren Sie das Update noch heute. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'os-patch-180d': {
    title: 'Dieses Telefon hat lange kein Sicherheitsupdate bekommen.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Softwareupdate.', 'Installieren Sie das Update. Wenn es keines gibt, bitten Sie Ihre IT-Abteilung um ein anderes Telefon.']
  },
  'dev-rooted': {
    title: 'Dieses Telefon ist gerootet, sein Schutz ist deshalb unwirksam.',
    steps: ['Sichern Sie, was Sie brauchen.', 'Lassen Sie das Originalsystem des Herstellers neu installieren. Dabei wird das Telefon gelöscht.', 'Richten Sie das Telefon mit Ihrer IT-Abteilung neu ein.']
  },
  'dev-jailbroken': {
    title: 'Auf diesem Gerät wurde ein Jailbreak durchgeführt, sein Schutz ist deshalb unwirksam.',
    steps: ['Sichern Sie, was Sie brauchen.', 'Verbinden Sie das Gerät mit einem Computer und stellen Sie es mit Finder oder iTunes wieder her.', 'Richten Sie das Gerät mit Ihrer IT-Abteilung neu ein.']
  },
  'dev-root-binary': {
    title: 'Auf diesem Telefon liegt ein Werkzeug, das seinen Schutz umgeht ({subject}).',
    steps: ['Sichern Sie, was Sie brauchen.', 'Lassen Sie das Originalsystem des Herstellers neu installieren. Dabei wird das Telefon gelöscht.', 'Richten Sie das Telefon mit Ihrer IT-Abteilung neu ein.']
  },
  'dev-malicious-profile': {
    title: 'Ein gefährliches Konfigurationsprofil ist installiert ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Allgemein, dann VPN und Geräteverwaltung.', 'Wählen Sie das Profil aus und entfernen Sie es.', 'Ändern Sie die Passwörter, die Sie seit der Installation benutzt haben.']
  },
  'dev-no-passcode': {
    title: 'Dieses Telefon hat keine Displaysperre.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Displaysperre“ (auf dem iPhone: Face ID und Code).', 'Legen Sie eine PIN, ein Passwort oder einen Code mit mindestens sechs Ziffern fest.']
  },
  'dev-unencrypted': {
    title: 'Was auf diesem Telefon gespeichert ist, ist nicht verschlüsselt.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Verschlüsselung“.', 'Schalten Sie die Verschlüsselung ein. Wenn das Telefon das nicht kann, bitten Sie Ihre IT-Abteilung um ein anderes.']
  },
  'dev-usb-debugging': {
    title: 'USB-Debugging ist eingeschaltet.',
    steps: ['Öffnen Sie die Einstellungen, dann System, dann Entwickleroptionen.', 'Schalten Sie USB-Debugging aus.']
  }
}
