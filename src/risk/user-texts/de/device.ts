import type { UserTexts } from '../user-text.js'

/** A system that was changed can only be replaced. */
const STOCK_SYSTEM = ['Sichern Sie, was Sie brauchen.', 'Lassen Sie das Originalsystem des Herstellers neu installieren. Dabei wird das Telefon gelöscht.', 'Richten Sie das Telefon mit Ihrer IT-Abteilung neu ein.'] as const
const DEVELOPER_OPTIONS = 'Öffnen Sie die Einstellungen, dann System, dann Entwickleroptionen.'
const PROFILES = 'Öffnen Sie die Einstellungen, dann Allgemein, dann VPN und Geräteverwaltung.'
/** Where somebody close may be watching, to remove something may put a person in danger. */
const SAFETY_FIRST = 'Wenn jemand aus Ihrem Umfeld das eingerichtet haben könnte, denken Sie zuerst an Ihre Sicherheit: Holen Sie sich auf einem anderen Gerät Rat (stopstalkerware.org nennt Hilfetelefone), bevor Sie etwas ändern.'

export const deviceTexts: UserTexts = {
  'dev-rooted': {
    title: 'Dieses Telefon ist gerootet, sein Schutz ist deshalb unwirksam.',
    steps: STOCK_SYSTEM
  },
  'dev-jailbroken': {
    title: 'Auf diesem Gerät wurde ein Jailbreak durchgeführt, sein Schutz ist deshalb unwirksam.',
    steps: ['Sichern Sie, was Sie brauchen.', 'Verbinden Sie das Gerät mit einem Computer und stellen Sie es mit Finder oder iTunes wieder her.', 'Richten Sie das Gerät mit Ihrer IT-Abteilung neu ein.']
  },
  'dev-root-binary': {
    title: 'Auf diesem Telefon liegt ein Werkzeug, das seinen Schutz umgeht ({subject}).',
    steps: STOCK_SYSTEM
  },
  'dev-root-hidden': {
    title: 'Auf diesem Telefon liegt ein Werkzeug, das Änderungen am System versteckt ({subject}).',
    steps: STOCK_SYSTEM
  },
  'dev-system-writable': {
    title: 'Das System dieses Telefons ist nicht vor Änderungen geschützt.',
    steps: STOCK_SYSTEM
  },
  'dev-system-tampered': {
    title: 'Das System dieses Telefons wurde verändert.',
    steps: STOCK_SYSTEM
  },
  'dev-suspicious-file': {
    title: 'Auf diesem Telefon liegt ein Programm an einer Stelle, an die es nicht gehört ({subject}).',
    steps: ['Löschen Sie noch nichts.', 'Sagen Sie Ihrem Sicherheitsteam Bescheid, und auch, wer das Telefon an einen Computer angeschlossen hat.']
  },
  'dev-selinux-permissive': {
    title: 'Ein wichtiger Schutz dieses Telefons ist ausgeschaltet.',
    steps: STOCK_SYSTEM
  },
  'dev-bootloader-unlocked': {
    title: 'Dieses Telefon würde jedes System starten, das jemand darauf installiert.',
    steps: ['Sichern Sie, was Sie brauchen.', 'Bitten Sie Ihre IT-Abteilung, das Startprogramm des Telefons (Bootloader) wieder zu sperren. Dabei wird das Telefon gelöscht.', 'Richten Sie das Telefon mit Ihrer IT-Abteilung neu ein.']
  },
  'dev-attestation-failed': {
    title: 'Die Prüfung, ob dieses Telefon echt und unverändert ist, ist fehlgeschlagen.',
    steps: ['Starten Sie das Telefon neu, verbinden Sie es mit dem Internet und öffnen Sie die Sicherheits-App.', 'Wenn die Meldung bleibt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-attestation-basic-only': {
    title: 'Google bestätigt nur zum Teil, dass dieses Telefon echt und unverändert ist.',
    steps: ['Installieren Sie das neueste Systemupdate und starten Sie das Telefon neu.', 'Wenn die Meldung bleibt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-attestation-ios': {
    title: 'Die Prüfung, ob dieses Gerät und seine Sicherheits-App echt sind, ist fehlgeschlagen.',
    steps: ['Löschen Sie die Sicherheits-App und installieren Sie sie neu aus dem App Store.', 'Wenn die Meldung bleibt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-attestation-hardware': {
    title: 'Die Hardware des Telefons bestätigt nicht, dass sein System echt ist.',
    steps: ['Starten Sie das Telefon neu und öffnen Sie die Sicherheits-App.', 'Wenn die Meldung bleibt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-attestation-stale': {
    title: 'Es wurde länger nicht geprüft, ob dieses Telefon echt und unverändert ist.',
    steps: ['Verbinden Sie das Telefon mit dem Internet.', 'Öffnen Sie die Sicherheits-App und warten Sie einen Moment.']
  },
  'dev-attestation-hyperactive': {
    title: 'Dieses Telefon bittet ungewöhnlich oft um eine Prüfung.',
    steps: ['Starten Sie das Telefon neu.', 'Wenn die Meldung bleibt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-play-protect-off': {
    title: 'Google Play Protect ist ausgeschaltet, deshalb prüft niemand Ihre Apps.',
    steps: ['Öffnen Sie den Play Store, tippen Sie auf Ihr Bild, dann auf Play Protect.', 'Tippen Sie auf das Zahnrad und schalten Sie die Prüfung der Apps ein.']
  },
  'dev-play-protect-verdict': {
    title: 'Google Play Protect hat auf diesem Telefon schädliche Apps gefunden.',
    steps: [SAFETY_FIRST, 'Öffnen Sie den Play Store, tippen Sie auf Ihr Bild, dann auf Play Protect.', 'Entfernen Sie die Apps, die dort genannt werden.']
  },
  'dev-no-passcode': {
    title: 'Dieses Telefon hat keine Displaysperre.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Displaysperre“ (auf dem iPhone: Face ID und Code).', 'Legen Sie eine PIN, ein Passwort oder einen Code mit mindestens sechs Ziffern fest.']
  },
  'dev-passcode-weak': {
    title: 'Der Code Ihrer Displaysperre ist zu leicht zu erraten.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Displaysperre“ (auf dem iPhone: Face ID und Code).', 'Wählen Sie einen längeren Code.']
  },
  'dev-autolock-long': {
    title: 'Dieses Telefon bleibt lange offen, wenn niemand es benutzt.',
    steps: ['Öffnen Sie die Einstellungen, dann Display (auf dem iPhone: Anzeige & Helligkeit, dann Automatische Sperre).', 'Wählen Sie eine kürzere Zeit.']
  },
  'dev-biometric-off': {
    title: 'Ihre Organisation bittet Sie, Ihren Fingerabdruck oder Ihr Gesicht einzurichten.',
    steps: ['Öffnen Sie die Einstellungen, dann Sicherheit (auf dem iPhone: Face ID und Code).', 'Richten Sie Fingerabdruck oder Gesicht ein.']
  },
  'dev-keyguard-failures': {
    title: 'Jemand hat oft versucht, dieses Telefon zu entsperren.',
    steps: ['Wenn Sie es selbst waren, müssen Sie nichts tun.', 'Wenn jemand anderes das Telefon hatte, ändern Sie PIN oder Passwort und sagen Sie Ihrer IT-Abteilung Bescheid.']
  },
  'dev-unencrypted': {
    title: 'Was auf diesem Telefon gespeichert ist, ist nicht verschlüsselt.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Verschlüsselung“.', 'Schalten Sie die Verschlüsselung ein. Wenn das Telefon das nicht kann, bitten Sie Ihre IT-Abteilung um ein anderes.']
  },
  'dev-encryption-default-key': {
    title: 'Was auf diesem Telefon gespeichert ist, ist verschlüsselt, aber nicht durch Ihren Code geschützt.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Displaysperre“.', 'Legen Sie PIN oder Passwort neu fest, und lassen Sie das Telefon beim Start danach fragen.']
  },
  'dev-developer-mode': {
    title: 'Die Entwickleroptionen sind eingeschaltet.',
    steps: [DEVELOPER_OPTIONS, 'Schalten Sie sie mit dem Schalter ganz oben aus.']
  },
  'dev-usb-debugging': {
    title: 'USB-Debugging ist eingeschaltet.',
    steps: [DEVELOPER_OPTIONS, 'Schalten Sie USB-Debugging aus.']
  },
  'dev-adb-key': {
    title: 'Computer dürfen über ein Kabel auf dieses Telefon zugreifen.',
    steps: [DEVELOPER_OPTIONS, 'Tippen Sie auf „USB-Debugging-Autorisierungen aufheben“.']
  },
  'dev-adb-activity': {
    title: 'Ein Computer hat über Kabel oder WLAN auf diesem Telefon gearbeitet.',
    steps: ['Wenn Sie es selbst waren, sagen Sie Ihrer IT-Abteilung Bescheid, damit sie es weiß.', 'Wenn nicht, trennen Sie das Telefon vom Computer, schalten Sie in den Entwickleroptionen USB-Debugging aus und sagen Sie Ihrer IT-Abteilung Bescheid.']
  },
  'dev-unknown-sources': {
    title: 'Dieses Telefon lässt Apps zu, die nicht aus dem Store kommen.',
    steps: ['Öffnen Sie die Einstellungen und suchen Sie nach „Unbekannte Apps installieren“.', 'Schalten Sie es aus.']
  },
  'dev-malicious-profile': {
    title: 'Ein gefährliches Konfigurationsprofil ist installiert ({subject}).',
    steps: [PROFILES, 'Wählen Sie das Profil aus und entfernen Sie es.', 'Ändern Sie die Passwörter, die Sie seit der Installation benutzt haben.']
  },
  'dev-untrusted-profile': {
    title: 'Ein Profil, das Ihre Organisation nicht kennt, kann sehen oder umleiten, was dieses Telefon sendet ({subject}).',
    steps: [SAFETY_FIRST, PROFILES, 'Entfernen Sie das Profil, wenn Sie es nicht kennen oder nicht mehr brauchen.']
  },
  'dev-foreign-mdm': {
    title: 'Dieses Telefon wird von jemand anderem verwaltet ({subject}).',
    steps: [SAFETY_FIRST, 'Wenn es ein früherer Arbeitgeber oder eine Schule ist, bitten Sie darum, das Telefon freizugeben.', 'Fragen Sie Ihre IT-Abteilung, wie Sie das Telefon neu anmelden.']
  },
  'dev-profile-unremovable': {
    title: 'Auf diesem Telefon ist ein Profil, das Sie nicht entfernen können ({subject}).',
    steps: ['Fragen Sie Ihre IT-Abteilung. Sie können das nicht selbst lösen.']
  },
  'dev-emulator': {
    title: 'Dies ist kein echtes Telefon.',
    steps: ['Benutzen Sie für Ihre Arbeits-Apps ein echtes Telefon.']
  },
  'dev-log-gap': {
    title: 'Dieses Telefon hat nicht alles aufgezeichnet, was auf ihm geschah.',
    steps: ['Starten Sie das Telefon neu und verbinden Sie es mit dem Internet.', 'Wenn die Meldung wiederkommt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-key-integrity': {
    title: 'Ein digitaler Schlüssel auf diesem Telefon ist beschädigt.',
    steps: ['Starten Sie das Telefon neu.', 'Wenn die Meldung wiederkommt, fragen Sie Ihre IT-Abteilung.']
  },
  'dev-wipe-failed': {
    title: 'Dieses Telefon sollte gelöscht werden, und das hat nicht funktioniert.',
    steps: ['Bringen Sie das Telefon zu Ihrer IT-Abteilung.']
  },
  'dev-linked-device': {
    title: 'Ein Messenger auf diesem Telefon wurde mit einem anderen Gerät verknüpft ({subject}).',
    steps: [SAFETY_FIRST, 'Öffnen Sie die Einstellungen des Messengers, dann Verknüpfte Geräte.', 'Entfernen Sie die Geräte, die Sie nicht kennen.']
  },
  'dev-clock-skew': {
    title: 'Die Uhr dieses Telefons geht falsch.',
    steps: ['Öffnen Sie die Einstellungen, dann System oder Allgemein, dann Datum und Uhrzeit.', 'Schalten Sie die automatische Zeit ein.']
  },
  'dev-common-criteria-off': {
    title: 'Ein Schutz, den Ihre Organisation verlangt, ist nicht eingeschaltet.',
    steps: ['Sie müssen nichts tun. Ihre IT-Abteilung richtet das ein.']
  }
}
