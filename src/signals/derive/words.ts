import type { StateChange } from '../../devices/state-change-repository.js'

/** The languages that reasons are told in, as in what agents show their users. */
export const LANGUAGES = ['en', 'de'] as const
type Language = (typeof LANGUAGES)[number]

type Level = NonNullable<StateChange['level']>
type State = StateChange['reportingState']

const LEVEL: Readonly<Record<Language, Readonly<Record<Level, string>>>> = {
  en: { secured: 'No threat found', low: 'Threat level low', medium: 'Threat level medium', high: 'Threat level high' },
  de: { secured: 'Keine Bedrohung gefunden', low: 'Bedrohungsstufe niedrig', medium: 'Bedrohungsstufe mittel', high: 'Bedrohungsstufe hoch' }
}
const STATE: Readonly<Record<Language, Partial<Readonly<Record<State, string>>>>> = {
  en: { unresponsive: 'The device has not reported for too long', misconfigured: 'The agent lacks permissions', deactivated: 'The device is no longer watched' },
  de: { unresponsive: 'Das Gerät meldet sich seit zu langer Zeit nicht', misconfigured: 'Dem Agenten fehlen Berechtigungen', deactivated: 'Das Gerät wird nicht mehr überwacht' }
}

/**
 * Why a phone is as it now is: what decides, and the detections behind it. Their subjects stay
 * here: what somebody has on a phone is no business of those who grant access.
 */
export function describeState (change: StateChange, language: Language): string {
  const decisive = change.health === 'unresponsive' || change.health === 'deactivated' || change.health === 'misconfigured'
  const state = decisive || change.level === null ? STATE[language][change.reportingState] : undefined
  if (state !== undefined) return state
  const detections = [...new Set(change.reasons.map(({ detection }) => detection))]
  const level = LEVEL[language][change.level ?? 'secured']
  return detections.length === 0 ? level : `${level}: ${detections.join(', ')}`
}

/** The same in all languages, keyed by BCP 47 tag. */
export const reasonsByLanguage = (change: StateChange): Record<string, string> =>
  Object.fromEntries(LANGUAGES.map((language) => [language, describeState(change, language)]))
