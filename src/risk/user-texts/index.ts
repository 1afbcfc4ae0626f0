import type { AssessedFinding } from '../assessment.js'
import { germanTexts } from './de/index.js'
import { englishTexts } from './en/index.js'
import { LANGUAGES, type Language, type UserText, type UserTexts } from './user-text.js'

export { LANGUAGES, type Language, type UserText } from './user-text.js'

export const USER_TEXTS: Readonly<Record<Language, UserTexts>> = { en: englishTexts, de: germanTexts }

const isLanguage = (tag: string): tag is Language => (LANGUAGES as readonly string[]).includes(tag)

/** The language of ours that an `Accept-Language` header likes best; English when it likes none. */
export function pickLanguage (acceptLanguage: string | undefined): Language {
  const wishes = (acceptLanguage ?? '').slice(0, 1_000).split(',').map((part) => {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const quality = parameters.map((parameter) => /^\s*q=(\d(?:\.\d+)?)\s*$/.exec(parameter)?.[1]).find((value) => value !== undefined)
    return { language: tag.trim().split('-')[0]!, quality: Number(quality ?? 1) }
  })
  const best = wishes
    .filter(({ language, quality }) => isLanguage(language) && quality > 0)
    .sort((a, b) => b.quality - a.quality)[0]
  return best !== undefined && isLanguage(best.language) ? best.language : 'en'
}

/** What the phone's user reads about a finding. A detection that has gone since falls back to the finding's own words. */
export function userTextFor (finding: Pick<AssessedFinding, 'detection' | 'subject' | 'title' | 'remediation'>, language: Language): UserText {
  const text = USER_TEXTS[language][finding.detection]
  if (text === undefined) return { title: finding.title, steps: [finding.remediation.user] }
  // A function, because a replacement string would give `$&` in a subject a meaning.
  const fill = (words: string): string => words.replaceAll('{subject}', () => finding.subject)
  return { title: fill(text.title), steps: text.steps.map(fill) }
}
