import type { UserTexts } from '../user-text.js'

export const networkTexts: UserTexts = {
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
  }
}
