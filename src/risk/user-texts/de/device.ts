import type { UserTexts } from '../user-text.js'

export const deviceTexts: UserTexts = {
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
