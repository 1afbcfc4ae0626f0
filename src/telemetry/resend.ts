import { type Report, STATE_SECTIONS, type StateSection } from './report.js'

/**
 * Among what a phone owes since a restore (`device_state.resend`), before the moment of the restore: the phone has not been told yet.
 * Reports that were received before tell nothing of what came after the backup. Those until it is told were made by an agent that took
 * what it said before for known, so a section in them is no answer: it may be only what changed.
 */
const NOT_TOLD_SINCE = 'not-told-since '

export const notToldSince = (moment: Date): string => `${NOT_TOLD_SINCE}${moment.toISOString()}`

const isSection = (name: string): name is StateSection => (STATE_SECTIONS as readonly string[]).includes(name)
/** Of a report; apps are a change unless they are the whole list. */
const sectionsIn = (report: Partial<Report>): string[] => Object.keys(report).filter((name) => isSection(name) && (name !== 'apps' || report.apps?.mode === 'snapshot'))

/** What the receipt of a report asks for. What the report brings need not be asked for. */
export function askedWith (owed: readonly string[], json: string): StateSection[] {
  const asked = owed.filter(isSection)
  if (asked.length === 0) return asked
  // Few phones owe anything, so only their reports are looked into.
  const brought = sectionsIn(JSON.parse(json) as Partial<Report>)
  const isTold = findNotTold(owed) === undefined
  return asked.filter((section) => !brought.includes(section) || (section !== 'apps' && !isTold))
}

const findNotTold = (owed: readonly string[]): string | undefined => owed.find((name) => name.startsWith(NOT_TOLD_SINCE))

/** Whether a report says anything about what is owed. */
export function mayAnswer (owed: readonly string[], { receivedAt }: { readonly receivedAt: Date }): boolean {
  const notTold = findNotTold(owed)
  return notTold === undefined || receivedAt.toISOString() >= notTold.slice(NOT_TOLD_SINCE.length)
}

/** What a phone still owes once these reports of its agent were merged, but for apps, of which the merge itself knows. */
export function owedAfter (owed: readonly string[], reports: ReadonlyArray<{ readonly report: Partial<Report>, readonly receivedAt: Date }>): string[] {
  const answers = reports.filter((one) => mayAnswer(owed, one))
  if (answers.length === 0) return [...owed]
  const notTold = findNotTold(owed)
  // The receipts of these told it.
  if (notTold !== undefined) return owed.filter((name) => name !== notTold)
  const brought = new Set(answers.flatMap(({ report }) => sectionsIn(report)))
  return owed.filter((name) => name === 'apps' || !brought.has(name))
}
