import type { UserTexts } from '../user-text.js'

export const compositeTexts: UserTexts = {
  'cmp-ca-and-mitm': {
    title: 'Jemand hat auf diesem Telefon ein Zertifikat hinzugefügt, und verschlüsselte Verbindungen werden mitgelesen ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz jetzt und benutzen Sie mobile Daten.',
      'Öffnen Sie die Einstellungen, suchen Sie nach „Zertifikate“ und entfernen Sie die, die Sie nicht kennen.',
      'Ändern Sie die Passwörter, die Sie in diesem Netz benutzt haben, auf einem anderen Gerät.'
    ]
  },
  'cmp-profile-and-proxy': {
    title: 'Ein Konfigurationsprofil, das nicht von Ihrer Organisation ist, leitet Ihre Verbindungen um ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen, dann Allgemein, dann VPN und Geräteverwaltung.',
      'Wählen Sie das Profil aus und entfernen Sie es.',
      'Ändern Sie die Passwörter, die Sie seit der Installation benutzt haben.'
    ]
  },
  'cmp-usb-takeover': {
    title: 'Jemand hat dieses Telefon mit einem Computer verbunden und von dort eine App installiert ({subject}).',
    steps: [
      'Ziehen Sie das Kabel ab.',
      'Öffnen Sie die Einstellungen, dann System, dann Entwickleroptionen; widerrufen Sie die Autorisierungen für USB-Debugging und schalten Sie USB-Debugging aus.',
      'Deinstallieren Sie die App, außer Sie haben sie selbst installiert.'
    ]
  },
  'cmp-debug-weak': {
    title: 'Wer dieses Telefon in der Hand hat, kann es mit einem Computer verbinden und auslesen: Es hat keine Displaysperre, und USB-Debugging ist eingeschaltet.',
    steps: [
      'Richten Sie in den Einstellungen eine Displaysperre ein.',
      'Öffnen Sie die Einstellungen, dann System, dann Entwickleroptionen, und schalten Sie USB-Debugging aus.'
    ]
  },
  'cmp-attestation-conflict': {
    title: 'Dieses Telefon kann nicht beweisen, dass sein System echt ist, und es sieht so aus, als würde das verborgen.',
    steps: [
      'Geben Sie auf diesem Telefon vorerst keine Passwörter ein.',
      'Starten Sie das Telefon neu und öffnen Sie die Sicherheits-App.',
      'Wenn diese Meldung bleibt, bringen Sie das Telefon zu Ihrer IT-Abteilung.'
    ]
  },
  'cmp-old-and-exploited': {
    title: 'Auf diesem Telefon wurde eine gefährliche Seite geöffnet, und sein System ist zu alt, um ihr zu widerstehen ({subject}).',
    steps: [
      'Schließen Sie die Seite.',
      'Installieren Sie das Systemupdate jetzt.',
      'Bitten Sie Ihr Sicherheitsteam, sich das Telefon anzusehen, bevor Sie es wieder für die Arbeit benutzen.'
    ]
  },
  'cmp-phish-then-tamper': {
    title: 'Nachdem eine Seite geöffnet wurde, die Passwörter stiehlt, hat etwas dieses Telefon angegriffen ({subject}).',
    steps: [
      'Benutzen Sie dieses Telefon jetzt nicht mehr und lassen Sie es eingeschaltet.',
      'Rufen Sie von einem anderen Telefon aus Ihr Sicherheitsteam an.'
    ]
  },
  'cmp-sideload-accessibility': {
    title: 'Eine App von außerhalb der Stores darf alles auf diesem Telefon lesen und bedienen ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Prüfen Sie Ihre Bankkonten und rufen Sie Ihre Bank an, wenn etwas nicht stimmt.',
      'Ändern Sie Ihre Passwörter von einem anderen Gerät aus.'
    ]
  },
  'cmp-sideload-admin-hidden': {
    title: 'Eine versteckte App von außerhalb der Stores darf dieses Telefon sperren oder löschen ({subject}).',
    steps: [
      'Wenn jemand anderes sie installiert haben könnte, denken Sie zuerst an Ihre Sicherheit und holen Sie sich Rat über ein anderes Gerät (stopstalkerware.org).',
      'Öffnen Sie die Einstellungen, dann Sicherheit, dann Apps zur Geräteverwaltung, und schalten Sie die App dort aus.',
      'Deinstallieren Sie sie in den Einstellungen unter Apps.'
    ]
  }
}
