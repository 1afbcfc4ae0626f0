import { type Report, STATE_SECTIONS, type StateSection } from './report.js'

/**
 * Among what a phone owes (`device_state.resend`): it has not been told so yet. Its reports until then were made by an agent that
 * took what it said before for known, so that a section in them is no answer: it may be only what changed.
 */
export const NOT_TOLD_YET = 'not-told-yet'

const isSection = (name: string): name is StateSection => (STATE_SECTIONS as readonly string[]).includes(name)
/** Of a report; apps are a change unless they are the whole list. */
const sectionsIn = (report: Partial<Report>): string[] => Object.keys(report).filter((name) => isSection(name) && (name !== 'apps' || report.apps?.mode === 'snapshot'))

/** What the receipt of a report asks for. What the report brings need not be asked for. */
export function askedWith (owed: readonly string[], json: string): StateSection[] {
  const asked = owed.filter(isSection)
  if (asked.length === 0) return asked
  // Few phones owe anything, so only their reports are looked into.
  const brought = sectionsIn(JSON.parse(json) as Partial<Report>)
  const isAnswer = !owed.includes(NOT_TOLD_YET)
  return asked.filter((section) => !brought.includes(section) || (section !== 'apps' && !isAnswer))
}

/** What a phone still owes once these reports of its agent were merged, but for apps, of which the merge itself knows. */
export function owedAfter (owed: readonly string[], reports: ReadonlyArray<Partial<Report>>): string[] {
  if (reports.length === 0) return [...owed]
  // The receipts of these told it.
  if (owed.includes(NOT_TOLD_YET)) return owed.filter((name) => name !== NOT_TOLD_YET)
  const brought = new Set(reports.flatMap(sectionsIn))
  return owed.filter((name) => name === 'apps' || !brought.has(name))
}
