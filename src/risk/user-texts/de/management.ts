import type { UserTexts } from '../user-text.js'

export const managementTexts: UserTexts = {
  'mgmt-unmanaged': {
    title: 'Dieses Telefon ist nicht bei Ihrer Organisation angemeldet.',
    steps: ['Öffnen Sie die Unternehmensportal-App und melden Sie sich an.', 'Folgen Sie den Schritten, die sie zeigt. Wenn das nicht klappt, fragen Sie Ihre IT-Abteilung.']
  },
  'mgmt-permission-missing': {
    title: 'Die Sicherheits-App darf nicht alles, was sie zu Ihrem Schutz braucht ({subject}).',
    steps: ['Öffnen Sie die Sicherheits-App.', 'Erlauben Sie, worum sie bittet.']
  },
  'mgmt-agent-outdated': {
    title: 'Die Sicherheits-App ist veraltet.',
    steps: ['Öffnen Sie den App Store oder Play Store und aktualisieren Sie die Sicherheits-App.']
  },
  'mgmt-scan-overdue': {
    title: 'Dieses Telefon wurde länger nicht geprüft.',
    steps: ['Öffnen Sie die Sicherheits-App und starten Sie eine Prüfung.', 'Lassen Sie die Sicherheits-App im Hintergrund laufen (Einstellungen, dann Apps, dann die App, dann Akku).']
  },
  'mgmt-policy-stale': {
    title: 'Dieses Telefon hat die neuesten Einstellungen Ihrer Organisation noch nicht.',
    steps: ['Verbinden Sie das Telefon mit dem Internet.', 'Öffnen Sie die Unternehmensportal-App und synchronisieren Sie das Telefon.']
  },
  'mgmt-inventory-withheld': {
    title: 'Wir sehen Ihre Apps nicht und können Sie deshalb nicht vor gefährlichen warnen.',
    steps: ['Sie müssen nichts tun. Wenn Sie gewarnt werden möchten, erlauben Sie in der Sicherheits-App die Liste der Apps.']
  }
}
