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
  },
  'net-tls-interception-trusted-ca': {
    title: 'Jemand liest verschlüsselte Verbindungen mit, und zwar mit einem Zertifikat, dem dieses Telefon vertraut ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz jetzt und benutzen Sie mobile Daten.',
      'Öffnen Sie die Einstellungen, suchen Sie nach „Zertifikate“ und entfernen Sie die, die Sie nicht kennen.',
      'Wenn Sie hier ein Passwort eingegeben haben, ändern Sie es in einem anderen Netz.'
    ]
  },
  'net-ssl-strip': {
    title: 'Jemand in diesem Netz entfernt die Verschlüsselung von Seiten ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz jetzt und benutzen Sie mobile Daten.',
      'Wenn Sie hier ein Passwort eingegeben haben, ändern Sie es in einem anderen Netz.'
    ]
  },
  'net-gateway-change': {
    title: 'Der Ausgang dieses Netzes hat sich geändert, während Sie verbunden waren ({subject}).',
    steps: [
      'Wenn Sie dieses Netz nicht kennen, verlassen Sie es.',
      'In Ihrem eigenen Netz müssen Sie nichts tun.'
    ]
  },
  'net-captive-portal': {
    title: 'Dieses Netz zeigt Ihnen eine eigene Seite, bevor es Sie durchlässt ({subject}).',
    steps: [
      'Sie müssen nichts tun. Geben Sie auf dieser Seite keine Passwörter Ihrer Arbeit ein.'
    ]
  },
  'net-port-scan': {
    title: 'Jemand in diesem Netz hat ausprobiert, worauf dieses Telefon antwortet ({subject}).',
    steps: [
      'Wenn Sie dieses Netz nicht kennen, verlassen Sie es.'
    ]
  },
  'net-arp-scan': {
    title: 'Jemand in diesem Netz sucht nach den Geräten darin ({subject}).',
    steps: [
      'Wenn Sie dieses Netz nicht kennen, verlassen Sie es.'
    ]
  },
  'net-arp-spoof': {
    title: 'Jemand in diesem Netz leitet möglicherweise Ihre Verbindungen um ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz und benutzen Sie mobile Daten.',
      'Melden Sie sich in diesem Netz nirgends an.'
    ]
  },
  'net-rogue-ap': {
    title: 'Dieses WLAN wird möglicherweise von Angreifern betrieben ({subject}).',
    steps: [
      'Verlassen Sie dieses WLAN jetzt.',
      'Öffnen Sie die WLAN-Einstellungen und entfernen Sie es, damit das Telefon sich nicht von selbst verbindet.',
      'Wenn Sie dort ein Passwort eingegeben haben, ändern Sie es in einem anderen Netz.'
    ]
  },
  'net-evil-twin': {
    title: 'Dieses WLAN gibt sich möglicherweise nur als eines aus, das Sie kennen ({subject}).',
    steps: [
      'Verlassen Sie dieses WLAN und benutzen Sie mobile Daten.',
      'Öffnen Sie die WLAN-Einstellungen und entfernen Sie es.',
      'Sagen Sie Ihrer IT-Abteilung, wo Sie waren.',
      'Wenn Sie dort ein Passwort eingegeben haben, ändern Sie es in einem anderen Netz.'
    ]
  },
  'net-danger-zone': {
    title: 'Mit diesem WLAN hatten andere schon Ärger ({subject}).',
    steps: [
      'Benutzen Sie hier mobile Daten oder ein anderes WLAN.',
      'Öffnen Sie die WLAN-Einstellungen und entfernen Sie dieses.'
    ]
  },
  'net-open-wifi': {
    title: 'Dieses WLAN ist nicht verschlüsselt ({subject}).',
    steps: [
      'Benutzen Sie für die Arbeit mobile Daten oder das VPN Ihrer Firma, solange Sie hier sind.'
    ]
  },
  'net-weak-wifi': {
    title: 'Die Verschlüsselung dieses WLANs lässt sich brechen ({subject}).',
    steps: [
      'Benutzen Sie ein anderes WLAN oder mobile Daten.',
      'Wenn es Ihr eigenes WLAN ist, stellen Sie den Router auf WPA2 oder WPA3 um.'
    ]
  },
  'net-dns-tamper': {
    title: 'Dieses Netz schickt Sie möglicherweise an falsche Adressen ({subject}).',
    steps: [
      'Verlassen Sie dieses Netz und benutzen Sie mobile Daten.',
      'Melden Sie sich in diesem Netz nirgends an.'
    ]
  },
  'net-private-dns-off': {
    title: 'Privates DNS ist ausgeschaltet, Netze können deshalb sehen und ändern, wohin Namen führen.',
    steps: [
      'Öffnen Sie die Einstellungen, dann Netzwerk und Internet, dann Privates DNS.',
      'Wählen Sie „Automatisch“.'
    ]
  },
  'net-hosts-modified': {
    title: 'Eine geschützte Datei dieses Telefons wurde geändert, Adressen können deshalb woandershin führen.',
    steps: [
      'Melden Sie sich auf diesem Telefon vorerst nirgends an.',
      'Sichern Sie, was Sie brauchen.',
      'Bitten Sie Ihre IT-Abteilung, das Originalsystem neu zu installieren.'
    ]
  },
  'net-proxy': {
    title: 'Ihre Verbindungen laufen über einen anderen Computer ({subject}).',
    steps: [
      'Öffnen Sie die WLAN-Einstellungen und dort die Details dieses WLANs.',
      'Schalten Sie den Proxy aus, außer Ihre IT-Abteilung hat Sie gebeten, ihn einzustellen.'
    ]
  },
  'net-vpn-unmanaged': {
    title: 'Ihre Verbindungen laufen über ein VPN, das nicht von Ihrer Organisation ist ({subject}).',
    steps: [
      'Schalten Sie dieses VPN aus, während Sie arbeiten.',
      'Wenn Sie es nicht kennen, entfernen Sie es in den Einstellungen unter VPN.'
    ]
  },
  'net-vpn-missing': {
    title: 'Das VPN, das Ihre Organisation verlangt, ist nicht verbunden.',
    steps: [
      'Öffnen Sie die VPN-App Ihrer Firma und verbinden Sie sich.'
    ]
  },
  'net-cert-validation-failure': {
    title: 'Ein Server konnte nicht beweisen, wer er ist ({subject}).',
    steps: [
      'Versuchen Sie es in einem anderen Netz noch einmal.',
      'Gehen Sie über eine Warnung vor einem Zertifikat nicht hinweg.'
    ]
  },
  'net-phishing-blocked': {
    title: 'Eine Seite, die Passwörter stiehlt, wurde blockiert ({subject}).',
    steps: [
      'Sie müssen nichts tun: Die Seite hat sich nicht geöffnet.',
      'Wenn eine Nachricht Sie dorthin geführt hat, antworten Sie nicht und zeigen Sie sie Ihrem Sicherheitsteam.'
    ]
  },
  'net-phishing-visited': {
    title: 'Eine Seite, die Passwörter stiehlt, wurde geöffnet ({subject}).',
    steps: [
      'Schließen Sie die Seite.',
      'Wenn Sie dort ein Passwort oder einen Code eingegeben haben, ändern Sie das Passwort jetzt auf der echten Seite.',
      'Sagen Sie Ihrem Sicherheitsteam Bescheid.'
    ]
  },
  'net-malicious-site': {
    title: 'Eine gefährliche Seite wurde aufgerufen ({subject}).',
    steps: [
      'Falls sie offen ist, schließen Sie sie, und installieren Sie nichts von dort.',
      'Wenn Sie etwas von dort installiert haben, deinstallieren Sie es.',
      'Wenn Sie befürchten, dass jemand dieses Telefon überwacht, suchen Sie Hilfe auf einem Gerät, das sonst niemand benutzt, zum Beispiel unter stopstalkerware.org oder beim Hilfetelefon 116 016.'
    ]
  },
  'net-dga': {
    title: 'Etwas auf diesem Telefon scheint nach einem Server von Kriminellen zu suchen ({subject}).',
    steps: [
      'Geben Sie auf diesem Telefon vorerst keine Passwörter ein.',
      'Deinstallieren Sie Apps, die Sie nicht kennen.',
      'Bitten Sie Ihr Sicherheitsteam, sich das Telefon anzusehen.'
    ]
  },
  'net-smishing-link': {
    title: 'Sie haben eine Nachricht bekommen, die Sie täuschen will ({subject}).',
    steps: [
      'Öffnen Sie den Link nicht und antworten Sie nicht.',
      'Löschen Sie die Nachricht.',
      'Wenn Sie ein Passwort oder einen Code eingegeben haben, ändern Sie es jetzt und sagen Sie Ihrem Sicherheitsteam Bescheid.'
    ]
  },
  'net-denied-content': {
    title: 'Ihre Organisation möchte diese Seite auf diesem Telefon nicht ({subject}).',
    steps: [
      'Es ist nichts kaputt. Wenn Sie die Seite für Ihre Arbeit brauchen, fragen Sie Ihre IT-Abteilung.'
    ]
  },
  'net-internal-access': {
    title: 'Eine App sieht sich im Netz Ihrer Organisation um ({subject}).',
    steps: [
      'Wenn Sie diese App nicht brauchen, deinstallieren Sie sie.',
      'Wenn Sie sie für Ihre Arbeit brauchen, sagen Sie Ihrer IT-Abteilung Bescheid.'
    ]
  },
  'net-rogue-cell': {
    title: 'Ein Mobilfunkmast in Ihrer Nähe ist möglicherweise gefälscht ({subject}).',
    steps: [
      'Gehen Sie woandershin, bevor Sie wichtige Anrufe machen oder Nachrichten schreiben.',
      'Öffnen Sie die Einstellungen, dann Netzwerk und Internet, dann SIM-Karten, und schalten Sie 2G aus.',
      'Sagen Sie Ihrem Sicherheitsteam, wo es war.'
    ]
  },
  'net-2g-enabled': {
    title: 'Dieses Telefon darf alte Mobilfunknetze benutzen, die sich fälschen lassen.',
    steps: [
      'Öffnen Sie die Einstellungen, dann Netzwerk und Internet, dann SIM-Karten.',
      'Schalten Sie „2G zulassen“ aus. Notrufe gehen weiterhin.'
    ]
  },
  'net-sim-changed': {
    title: 'Die SIM-Karte dieses Telefons hat sich geändert.',
    steps: [
      'Wenn Sie sie selbst gewechselt haben, müssen Sie nichts tun.',
      'Wenn nicht, rufen Sie jetzt Ihren Mobilfunkanbieter an und fragen Sie, ob Ihre Nummer übertragen wurde.',
      'Sagen Sie Ihrem Sicherheitsteam Bescheid.'
    ]
  },
  'net-radio-exposed': {
    title: 'Etwas ist eingeschaltet, das Ihre Organisation ausgeschaltet haben möchte ({subject}).',
    steps: [
      'Schalten Sie es in den Einstellungen aus, solange Sie es nicht brauchen.'
    ]
  },
  'net-web-protection-off': {
    title: 'Der Schutz vor gefährlichen Seiten ist ausgeschaltet.',
    steps: [
      'Öffnen Sie die Sicherheits-App.',
      'Schalten Sie den Webschutz wieder ein.'
    ]
  }
}
