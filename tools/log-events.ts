import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { packageRoot } from '../src/platform/package-root.js'

/** A line that Sallyport may write to its log. */
export interface LogEvent {
  readonly level: string
  readonly message: string
  /** Source file, from the root of the repository. */
  readonly file: string
}

export interface LogEvents {
  readonly events: readonly LogEvent[]
  /** Calls whose message is not a constant, or whose fields do not come first. */
  readonly faults: readonly string[]
}

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
const FOLDERS = ['src', 'workers']
/** Programs of their own, which log nothing that operators read. */
const LEFT_OUT = /^src\/(?:simulator|agent)\//

/** Every line that the source can write, found by its syntax: `log.info(…, 'message')`. */
export function listLogEvents (): LogEvents {
  const events: LogEvent[] = []
  const faults: string[] = []
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(join(packageRoot, folder), { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name)
      const file = relative(packageRoot, path)
      if (!entry.isFile() || !file.endsWith('.ts') || LEFT_OUT.test(file)) continue
      readFile(file, readFileSync(path, 'utf8'), events, faults)
    }
  }
  return { events, faults }
}

function readFile (file: string, text: string, events: LogEvent[], faults: string[]): void {
  if (!/\blog\b/.test(text)) return
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const levels = levelsOf(node.expression)
      if (levels !== undefined) readCall(node, levels)
    }
    ts.forEachChild(node, visit)
  }
  const readCall = ({ arguments: [first, second], pos }: ts.CallExpression, levels: readonly string[]): void => {
    const message = second ?? first
    const line = source.getLineAndCharacterOfPosition(pos).line + 1
    const texts = message === undefined ? undefined : constantsOf(message)
    if (texts === undefined) faults.push(`${file}:${line}: the message is not a constant`)
    else for (const level of levels) events.push(...texts.map((text) => ({ level, message: text, file })))
  }
  visit(source)
}

/** A literal, or one of two by a condition; undefined: put together at run time. */
function constantsOf (message: ts.Expression): readonly string[] | undefined {
  if (ts.isStringLiteralLike(message)) return [message.text]
  if (!ts.isConditionalExpression(message)) return undefined
  const [one, other] = [constantsOf(message.whenTrue), constantsOf(message.whenFalse)]
  return one === undefined || other === undefined ? undefined : [...one, ...other]
}

/** Levels of `log.warn`, `request.log.error`, `log[isBad ? 'error' : 'info']`; undefined: it is no call of a logger. */
function levelsOf (callee: ts.Expression): readonly string[] | undefined {
  if (ts.isPropertyAccessExpression(callee)) return isLogger(callee.expression) && isLevel(callee.name.text) ? [callee.name.text] : undefined
  if (!ts.isElementAccessExpression(callee) || !isLogger(callee.expression)) return undefined
  const literals: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && isLevel(node.text)) literals.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(callee.argumentExpression)
  return literals
}

const isLevel = (name: string): boolean => (LEVELS as readonly string[]).includes(name)
const isLogger = (node: ts.Expression): boolean => (ts.isIdentifier(node) && node.text === 'log') || (ts.isPropertyAccessExpression(node) && node.name.text === 'log')

/** The table of docs/logs.md: the gravest first. */
export function renderLogEvents (): string {
  const { events } = listLogEvents()
  const rows = new Map<string, { readonly event: LogEvent, readonly rooms: Set<string> }>()
  for (const event of events) {
    const key = `${event.level} ${event.message}`
    const row = rows.get(key) ?? { event, rooms: new Set() }
    row.rooms.add(event.file.startsWith('src/') ? event.file.split('/').slice(0, 2).join('/') : event.file.split('/')[0]!)
    rows.set(key, row)
  }
  const rank = ({ level }: LogEvent): number => LEVELS.findIndex((one) => one === level)
  const sorted = [...rows.values()].sort((a, b) => rank(a.event) - rank(b.event) || (a.event.message < b.event.message ? -1 : 1))
  return ['| level | line | from |', '| --- | --- | --- |', ...sorted.map(({ event, rooms }) => `| ${event.level} | ${event.message.replaceAll('|', '\\|')} | ${[...rooms].sort().map((room) => `\`${room}\``).join(', ')} |`)].join('\n')
}
