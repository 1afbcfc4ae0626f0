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
  },
  'app-ransomware': {
    title: 'Eine App, die Telefone sperrt und Geld verlangt, ist installiert ({subject}).',
    steps: [
      'Zahlen Sie nicht.',
      'Trennen Sie das Telefon von allen Netzen und rufen Sie Ihr Sicherheitsteam an.'
    ]
  },
  'app-banking-trojan': {
    title: 'Eine App, die Bankdaten stiehlt, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Rufen Sie Ihre Bank an.',
      'Ändern Sie von einem anderen Gerät aus die Passwörter, die Sie auf diesem Telefon benutzt haben.'
    ]
  },
  'app-backdoor': {
    title: 'Eine App, mit der Fremde dieses Telefon steuern können, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Bitten Sie Ihr Sicherheitsteam, sich das Telefon anzusehen.',
      'Ändern Sie von einem anderen Gerät aus die Passwörter, die Sie auf diesem Telefon benutzt haben.'
    ]
  },
  'app-exploit': {
    title: 'Eine App, die in das System des Telefons einbricht, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Installieren Sie das neueste Systemupdate.',
      'Bitten Sie Ihr Sicherheitsteam, sich das Telefon anzusehen.'
    ]
  },
  'app-dropper': {
    title: 'Eine App, die andere gefährliche Apps nachlädt, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Deinstallieren Sie Apps, die Sie nicht kennen.'
    ]
  },
  'app-toll-fraud': {
    title: 'Eine App, die heimlich Kosten verursacht, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Prüfen Sie Ihre Telefonrechnung.'
    ]
  },
  'app-dangerous': {
    title: 'Eine App, die den Weg zu Firmendaten öffnen kann, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Fragen Sie Ihre IT-Abteilung, wenn Sie sie für die Arbeit brauchen.'
    ]
  },
  'app-click-fraud': {
    title: 'Eine App, die heimlich auf Werbung klickt, ist installiert ({subject}).',
    steps: ['Deinstallieren Sie die App.']
  },
  'app-spam-sender': {
    title: 'Eine App, die unerwünschte Nachrichten verschickt, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Sagen Sie Ihren Kontakten, dass sie keine Links öffnen sollen, die von Ihnen kamen.'
    ]
  },
  'app-pua': {
    title: 'Eine App, die viele nicht haben wollen, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Fragen Sie Ihre IT-Abteilung, wenn Sie sie für die Arbeit brauchen.'
    ]
  },
  'app-root-enabler': {
    title: 'Ein Werkzeug, das diesem Telefon seinen Schutz nimmt, ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Wenn das Telefon damit gerootet wurde, lassen Sie es von Ihrer IT-Abteilung wiederherstellen.'
    ]
  },
  'app-hacking-tool': {
    title: 'Ein Werkzeug für Angriffe auf Netze oder andere Geräte ist installiert ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Fragen Sie Ihre IT-Abteilung, wenn Sie sie für die Arbeit brauchen.'
    ]
  },
  'app-remote-access': {
    title: 'Eine App, mit der andere dieses Telefon steuern können, ist installiert ({subject}).',
    steps: ['Deinstallieren Sie die App, außer Ihre IT-Abteilung hilft Ihnen damit.']
  },
  'app-backup-tool': {
    title: 'Eine App kopiert Inhalte dieses Telefons anderswohin ({subject}).',
    steps: ['Benutzen Sie stattdessen die Sicherung, die Ihre Organisation anbietet.']
  },
  'app-location-tracking': {
    title: 'Mit einer App können andere sehen, wo dieses Telefon ist ({subject}).',
    steps: [
      'Denken Sie zuerst an Ihre Sicherheit, wenn jemand anderes sie installiert hat.',
      'Entziehen Sie ihr den Zugriff auf Ihren Standort oder deinstallieren Sie sie.'
    ]
  },
  'app-vpn-personal': {
    title: 'Eine VPN-App, die nicht von Ihrer Organisation ist, ist installiert ({subject}).',
    steps: ['Benutzen Sie für die Arbeit das VPN Ihrer Organisation.']
  },
  'app-denylisted': {
    title: 'Ihre Organisation erlaubt eine App auf diesem Telefon nicht ({subject}).',
    steps: ['Deinstallieren Sie die App.']
  },
  'app-not-allowlisted': {
    title: 'Eine App gehört nicht zu denen, die Ihre Organisation erlaubt ({subject}).',
    steps: ['Deinstallieren Sie die App, oder bitten Sie Ihre IT-Abteilung, sie zu erlauben.']
  },
  'app-adb-installed': {
    title: 'Ein Computer hat eine App auf diesem Telefon installiert ({subject}).',
    steps: [
      'Wenn Sie das nicht waren, deinstallieren Sie die App und schalten Sie USB-Debugging aus.',
      'Sagen Sie Ihrer IT-Abteilung, wer das Telefon hatte.'
    ]
  },
  'app-third-party-store': {
    title: 'Eine App kam aus einem anderen Store als Google Play ({subject}).',
    steps: ['Sie müssen nichts tun.']
  },
  'app-non-store-signer-ios': {
    title: 'Eine App stammt nicht aus dem App Store ({subject}).',
    steps: [
      'Löschen Sie die App.',
      'Öffnen Sie die Einstellungen, dann Allgemein, dann VPN und Geräteverwaltung, und entfernen Sie dort den Entwickler.'
    ]
  },
  'app-adhoc-signed-ios': {
    title: 'Eine Testversion einer App ist installiert ({subject}).',
    steps: ['Löschen Sie die App, außer Sie testen sie für Ihre Organisation.']
  },
  'app-beta-ios': {
    title: 'Eine App ist eine Testversion aus TestFlight ({subject}).',
    steps: ['Sie müssen nichts tun.']
  },
  'app-alt-marketplace-ios': {
    title: 'Eine App kam von einem anderen Marktplatz als dem App Store ({subject}).',
    steps: ['Installieren Sie sie aus dem App Store, oder fragen Sie Ihre IT-Abteilung, ob sie bleiben darf.']
  },
  'app-unvalidated-ios': {
    title: 'Eine App wurde von Apple noch nicht überprüft ({subject}).',
    steps: [
      'Öffnen Sie die App einmal, während das Telefon online ist.',
      'Wenn diese Meldung bleibt, löschen Sie die App.'
    ]
  },
  'app-cert-mismatch': {
    title: 'Eine App stammt nicht von dem Hersteller, dessen Namen sie trägt ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Installieren Sie sie neu aus dem Store.',
      'Ändern Sie von einem anderen Gerät aus die Passwörter, die Sie auf diesem Telefon benutzt haben.'
    ]
  },
  'app-lookalike': {
    title: 'Eine App sieht aus wie eine bekannte, ist aber eine andere ({subject}).',
    steps: [
      'Sehen Sie im Store nach, wer sie anbietet.',
      'Wenn es nicht der ist, den Sie meinen, deinstallieren Sie sie.'
    ]
  },
  'app-debug-certificate': {
    title: 'Eine App ist die Testversion eines Entwicklers ({subject}).',
    steps: ['Deinstallieren Sie sie, oder installieren Sie die veröffentlichte Version.']
  },
  'app-debuggable': {
    title: 'In eine App können andere hineinsehen ({subject}).',
    steps: ['Installieren Sie die veröffentlichte Version aus dem Store.']
  },
  'app-target-sdk-old': {
    title: 'Eine App wurde für ein sehr altes Android gemacht ({subject}).',
    steps: ['Aktualisieren Sie die App, oder benutzen Sie eine andere.']
  },
  'app-update-available': {
    title: 'Eine App wartet schon lange auf ihr Update ({subject}).',
    steps: ['Aktualisieren Sie die App in ihrem Store.']
  },
  'app-removed-from-store': {
    title: 'Eine App ist nicht mehr in ihrem Store ({subject}).',
    steps: ['Überlegen Sie, eine andere App zu benutzen.']
  },
  'app-low-reputation': {
    title: 'Eine App hat einen schlechten Ruf ({subject}).',
    steps: ['Sehen Sie nach, wer sie anbietet, und deinstallieren Sie sie, wenn Sie sie nicht brauchen.']
  },
  'app-risky-permissions': {
    title: 'Eine App darf sehr viel auf diesem Telefon ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen, dann Apps, dann die App, dann Berechtigungen.',
      'Entziehen Sie ihr, was sie nicht braucht.'
    ]
  },
  'app-sms-access': {
    title: 'Eine App darf SMS lesen oder senden ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Apps, dann die App, dann Berechtigungen, und entziehen Sie ihr SMS.']
  },
  'app-accessibility-service': {
    title: 'Eine App darf alles auf dem Bildschirm lesen und bedienen ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen, dann Bedienungshilfen, und schalten Sie die App dort aus.',
      'Wenn Sie sie brauchen, bitten Sie Ihre IT-Abteilung, sie zu erlauben.'
    ]
  },
  'app-overlay': {
    title: 'Eine App darf andere Apps überdecken ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen, dann Apps, dann Spezieller Zugriff, dann Über anderen Apps einblenden.',
      'Schalten Sie es für diese App aus.'
    ]
  },
  'app-screen-capture-control': {
    title: 'Eine App zeichnet diesen Bildschirm auf oder kann das Telefon steuern.',
    steps: [
      'Beenden Sie Aufnahmen und geteilte Bildschirme.',
      'Suchen Sie in den Einstellungen unter Bedienungshilfen nach Apps, die Sie nicht kennen, und schalten Sie sie aus.'
    ]
  },
  'app-notification-listener': {
    title: 'Eine App darf alle Ihre Benachrichtigungen lesen ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Benachrichtigungen, dann Benachrichtigungszugriff, und schalten Sie ihn für diese App aus.']
  },
  'app-device-admin': {
    title: 'Eine App darf dieses Telefon sperren oder löschen ({subject}).',
    steps: [
      'Öffnen Sie die Einstellungen, dann Sicherheit, dann Apps zur Geräteverwaltung, und schalten Sie die App dort aus.',
      'Deinstallieren Sie sie, wenn Sie sie nicht brauchen.'
    ]
  },
  'app-install-packages': {
    title: 'Eine App darf andere Apps installieren ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Apps, dann Spezieller Zugriff, dann Unbekannte Apps installieren, und schalten Sie es für diese App aus.']
  },
  'app-hidden-icon': {
    title: 'Eine App versteckt sich auf diesem Telefon ({subject}).',
    steps: [
      'Wenn jemand anderes sie installiert haben könnte, denken Sie zuerst an Ihre Sicherheit und holen Sie sich Rat über ein anderes Gerät (stopstalkerware.org).',
      'Suchen Sie sie in den Einstellungen unter Apps und deinstallieren Sie sie.'
    ]
  },
  'app-third-party-keyboard': {
    title: 'Eine Tastatur eines anderen Herstellers darf senden, was Sie tippen ({subject}).',
    steps: ['Benutzen Sie für die Arbeit die Tastatur des Telefons.']
  },
  'app-hooking-framework': {
    title: 'Etwas verändert Apps auf diesem Telefon, während sie laufen ({subject}).',
    steps: [
      'Entfernen Sie das Werkzeug und starten Sie das Telefon neu.',
      'Fragen Sie Ihre IT-Abteilung, wenn Sie es für Tests brauchen.'
    ]
  },
  'app-c2-contact': {
    title: 'Eine App hat mit einem Server von Kriminellen gesprochen ({subject}).',
    steps: [
      'Deinstallieren Sie die App.',
      'Geben Sie auf diesem Telefon keine Passwörter ein, bis Ihr Sicherheitsteam es angesehen hat.'
    ]
  },
  'app-data-leak-card': {
    title: 'Eine App hat eine Kartennummer so gesendet, dass andere sie lesen können ({subject}).',
    steps: [
      'Benutzen Sie die App nicht mehr.',
      'Achten Sie auf die Abrechnungen Ihrer Karte.'
    ]
  },
  'app-data-leak-password': {
    title: 'Eine App hat ein Passwort so gesendet, dass andere es lesen können ({subject}).',
    steps: [
      'Ändern Sie dieses Passwort, auch dort, wo Sie es noch benutzen.',
      'Benutzen Sie die App nicht mehr.'
    ]
  },
  'app-data-leak-identity': {
    title: 'Eine App hat so gesendet, wer oder wo Sie sind, dass andere es lesen können ({subject}).',
    steps: ['Benutzen Sie diese App nicht in öffentlichen WLANs.']
  },
  'app-privacy-transmission': {
    title: 'Eine App hat persönliche Daten gesendet, ohne zu fragen ({subject}).',
    steps: ['Entziehen Sie ihr die Berechtigungen, oder deinstallieren Sie sie.']
  },
  'app-malicious-file': {
    title: 'Eine gefährliche Datei liegt auf diesem Telefon ({subject}).',
    steps: ['Löschen Sie die Datei und öffnen Sie sie nicht.']
  },
  'app-security-disabled': {
    title: 'Eine App, die dieses Telefon schützt, ist ausgeschaltet ({subject}).',
    steps: ['Öffnen Sie die Einstellungen, dann Apps, dann die App, und schalten Sie sie ein.']
  },
  'app-agent-tampered': {
    title: 'Die Sicherheits-App auf diesem Telefon wurde verändert.',
    steps: [
      'Deinstallieren Sie die Sicherheits-App und installieren Sie sie neu aus dem Store.',
      'Wenn diese Meldung wiederkommt, rufen Sie Ihr Sicherheitsteam an.'
    ]
  }
}
