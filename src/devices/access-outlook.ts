import type { Level, ReportingState } from '../risk/level.js'
import type { Language } from '../risk/user-texts/index.js'

/** What the phone's user may expect of access to mail, files and apps. The organisation's rules decide. */
export interface AccessOutlook {
  readonly outlook: 'granted' | 'at-risk' | 'unknown'
  /** Whether Intune has acknowledged the present level. */
  readonly reported: boolean
  readonly text: string
}

type Key = 'granted' | 'returning' | 'atRisk' | 'deactivated' | 'unknown'

const TEXTS: Readonly<Record<Language, Readonly<Record<Key, string>>>> = {
  en: {
    granted: 'Nothing on this phone stands in the way of your work apps.',
    returning: 'This phone is fine again. Access to your work apps is about to return.',
    atRisk: 'Your organisation may block mail, files and work apps on this phone until the points above are solved.',
    deactivated: 'This phone is no longer protected. Ask your IT department.',
    unknown: 'This phone has not been checked yet.'
  },
  de: {
    granted: 'Auf diesem Telefon steht deinen Arbeits-Apps nichts im Weg.',
    returning: 'Dieses Telefon ist wieder in Ordnung. Der Zugriff auf deine Arbeits-Apps kommt gleich zurück.',
    atRisk: 'Dein Unternehmen kann E-Mail, Dateien und Arbeits-Apps auf diesem Telefon sperren, bis die Punkte oben gelöst sind.',
    deactivated: 'Dieses Telefon wird nicht mehr geschützt. Wende dich an deine IT-Abteilung.',
    unknown: 'Dieses Telefon wurde noch nicht geprüft.'
  }
}

export function accessOutlook (
  { state, level, reported }: { readonly state: ReportingState, readonly level: Level | null, readonly reported: boolean },
  language: Language
): AccessOutlook {
  const text = (key: Key): string => TEXTS[language][key]
  if (state === 'deactivated') return { outlook: 'at-risk', reported, text: text('deactivated') }
  if (level === null) return { outlook: 'unknown', reported, text: text('unknown') }
  if (level !== 'secured') return { outlook: 'at-risk', reported, text: text('atRisk') }
  return { outlook: 'granted', reported, text: text(reported ? 'granted' : 'returning') }
}
