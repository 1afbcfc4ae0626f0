import { UnprocessableError } from '../../errors.js'
import type { ThreatClass } from '../indicators/indicator.js'
import { refang } from '../indicators/refang.js'
import { classInText, plainClaim } from './context.js'
import { guessType, kindOfNames, type Surroundings } from './guess-type.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { trimEndOf } from './trim-end.js'

/** Headings under which nothing is bad: what a report refers to, or what was imitated or attacked. */
const HARMLESS_HEADING = /\b(?:references?|further reading|links|sources|acknowledg\w+|credits|about|legit\w*|benign|impersonat\w*|mimick\w*|spoof\w*|target\w*|victims?|mitigations?|recommendations?|contact|licen[cs]e|changelog|usage|how to)\b/i
/** Headings under which indicators stand. */
const INDICATOR_HEADING = /\b(?:ioc|iocs|indicators?|appendix|domains?|hosts?|urls?|ips?|addresses|hash\w*|samples?|sha-?(?:1|256)|md5|c2|c&c|cnc|command and control|infrastructure|packages?|apps?|applications?|certificates?|signing|signers?|servers?|network|files?|emails?)\b/i
const AROUND: ReadonlyArray<readonly [RegExp, Surroundings]> = [
  [/\bcert\w*|\bsign(?:ing|er|ature)/i, 'certificate'], [/\bpackages?\b|\bapps?\b|\bbundle|\bapplications?\b/i, 'app'],
  [/\bdomains?|\bhosts?\b|\bservers?\b|\bc2\b|\burls?\b|\bips?\b|\bnetwork/i, 'network'], [/\bhash|\bsamples?\b|\bfiles?\b|\bsha|\bmd5/i, 'file']
]
const HEADING = /^\s{0,3}(?:#{1,6}|={1,6})\s+(\S.*)$/s
/** What may stand behind a heading, too. */
const HEADING_END = /(?:#{1,6}|={1,6})$/
const FENCE = /^\s*(?:```|~~~|----|\.\.\.\.|\|===)/
const ITEM = /^\s*(?:[-*+•]|\d{1,3}[.)])\s+(.+)$/s
const DEFANGED = /\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\bhxxps?:|\[:\]|\[:\/\/\]|\[at\]/i
/** A link that shows a digest is about the file, wherever it leads: AsciiDoc's `url[`digest`]`, Markdown's `[digest](url)`. */
const SHOWN_DIGEST = /^(?:\S{0,300})?\[`?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})`?\]/i
/** AsciiDoc's and Markdown's other way to set something apart: a line that is indented. */
const SET_APART = /^(?: {4}|\t)\s*(\S+)\s*$/
const MAJORITY = 0.6
const MAX_LINE = 10_000

interface Entry { readonly value: string, readonly heading: string, readonly isCertain: boolean }

/**
 * Values one a line, or a report in Markdown or AsciiDoc. In a report only tables, lists and code
 * under a heading about indicators count, and whatever is written so that nobody clicks it:
 * pages that prose mentions or links to are not bad. What stands under a heading about references,
 * victims or what was imitated never counts.
 * @throws UnprocessableError when too little of it looks like an indicator
 */
export function readList (text: string): ParsedFeed {
  const { entries, lines, hits, isReport, title } = scan(text)
  if (hits === 0 || (!isReport && hits < lines * MAJORITY)) throw new UnprocessableError('The file is not a list of indicators: too few of its lines hold one; nothing was changed.')
  const feed = new FeedCollector()
  const threatClass: ThreatClass = classInText(title) ?? 'unknown'
  for (const heading of new Set(entries.map((entry) => entry.heading))) {
    const ofHeading = entries.filter((entry) => entry.heading === heading)
    const names = kindOfNames(ofHeading.map(({ value }) => value))
    const around = AROUND.find(([word]) => word.test(heading))?.[1]
    for (const { value, isCertain } of ofHeading) {
      const type = guessType(value, around, names)
      if (type !== undefined) feed.addValue(type, value, plainClaim(type, threatClass, title || 'unknown'), heading === '' ? 'line' : heading.slice(0, 60))
      else if (isCertain) feed.skip('looks like no indicator', value)
    }
  }
  return feed.finish()
}

/** Whether most lines are indicators, or a report holds some. */
export function isList (text: string): boolean {
  const { lines, hits, isReport } = scan(text.slice(0, 500_000))
  return hits > 0 && (isReport || hits >= lines * MAJORITY)
}

interface Scan {
  readonly entries: readonly Entry[]
  /** Lines that say something, and those of them that hold an indicator. */
  readonly lines: number
  readonly hits: number
  readonly isReport: boolean
  readonly title: string
}

function scan (text: string): Scan {
  const all = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  // A single # may as well begin a comment.
  const isReport = all.some((line) => FENCE.test(line) || /^\s*\|.*\|\s*$/.test(line) || /^\s{0,3}(?:#{2,6}|={1,6})\s+\S/.test(line)) ||
    (all.some((line) => ITEM.test(line)) && all.some((line) => HEADING.test(line)))
  return isReport ? scanReport(all) : scanLines(all)
}

function headingOf (line: string): string | undefined {
  const text = line.length > MAX_LINE ? undefined : HEADING.exec(line)?.[1]?.trimEnd()
  const end = text === undefined ? null : HEADING_END.exec(text.slice(-6))
  return end === null ? text : text!.slice(0, -end[0].length).trimEnd() || text
}

/** `# evil.example` is a comment, `# Domains` a heading. */
const looksCommented = (line: string): boolean => guessType(headingOf(line) ?? '', undefined, undefined) !== undefined

function scanLines (all: readonly string[]): Scan {
  const entries: Entry[] = []
  let lines = 0
  let hits = 0
  let title = ''
  let heading = ''
  for (const line of all) {
    const bare = line.trim()
    if (bare === '') continue
    if (/^[#;!]|^\/\//.test(bare)) {
      heading = bare.replace(/^[#;!/\s]+/, '').slice(0, 120)
      title ||= heading
      continue
    }
    lines++
    const value = valueOf(bare)
    if (value !== undefined && guessType(value, undefined, 'apps') !== undefined) hits++
    entries.push({ value: value ?? bare.slice(0, MAX_LINE), heading, isCertain: true })
  }
  return { entries, lines, hits, isReport: false, title }
}

function scanReport (all: readonly string[]): Scan {
  const entries: Entry[] = []
  let heading = ''
  let title = ''
  let isAllIndicators = false
  let inFence = false
  let lines = 0
  for (const line of all) {
    if (line.length > MAX_LINE) continue
    const named = headingOf(line)
    if (!inFence && named !== undefined && !looksCommented(line)) {
      heading = named
      if (title === '') isAllIndicators = /\b(?:iocs?|indicators? of compromise)\b/i.test(heading)
      title ||= heading.slice(0, 120)
      continue
    }
    if (FENCE.test(line)) {
      inFence = !inFence
      continue
    }
    if (line.trim() === '' || HARMLESS_HEADING.test(heading)) continue
    lines++
    // What stands by itself in a report that is all about indicators is one, whatever its chapter is called.
    const isIndicators = INDICATOR_HEADING.test(heading) || (isAllIndicators && inFence)
    for (const value of valuesIn(line, isIndicators, inFence)) entries.push({ value, heading, isCertain: false })
  }
  const hits = entries.filter(({ value }) => guessType(value, undefined, 'apps') !== undefined).length
  return { entries, lines, hits, isReport: true, title }
}

function valuesIn (line: string, isIndicators: boolean, inFence: boolean): string[] {
  const cells = /\|/.test(line) && /^\s*\|/.test(line) ? line.split('|').map((cell) => cell.trim()).filter((cell) => cell !== '' && !/^:?-{2,}:?$/.test(cell)) : undefined
  const item = ITEM.exec(line)?.[1] ?? SET_APART.exec(line)?.[1]
  if (isIndicators && cells !== undefined) return cells.map(valueOf).filter((value) => value !== undefined)
  if (isIndicators && (inFence || item !== undefined)) return [valueOf(item ?? line.trim())].filter((value) => value !== undefined)
  // Somebody took care that this is not clicked.
  return line.split(/[\s,;|<>`"'()]+(?![.:/]|dot|at\))/).map((word) => trimEndOf(word, '.,:;')).filter((word) => DEFANGED.test(word) && guessType(refang(word), 'network', undefined) !== undefined)
}

/** The value at the start of a line or cell; the target of a link is where it leads, not what it is about. */
function valueOf (text: string): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const shown = SHOWN_DIGEST.exec(text)
  if (shown !== null) return shown[1]
  if (/^\[[^\]]*\]\(/.test(text)) return undefined
  const [word = ''] = text.split(/[\s|]/, 1)
  const bare = trimEndOf(word.replace(/^[<`"'*]+/, ''), '>`"\'*,;')
  // What follows a comma says more of the value, but for pages, whose names may have one.
  const value = bare.includes('/') ? bare : bare.split(/[,;]/, 1)[0]!.replace(/^([0-9a-f]{32,64}):$/i, '$1')
  return value === '' ? undefined : value
}
