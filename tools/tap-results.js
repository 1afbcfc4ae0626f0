// What the files of a run wrote, read again: which took longest, and what failed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Where tap keeps what each file wrote. */
const RESULTS = '.tap/test-results'
/** Lines of a failure's diagnostics that are told. */
const MAX_LINES = 40

/** The results of a run that began then, slowest first. @returns {Array<{ file: string, seconds: number, text: string }>} */
export function readResults (startedAt) {
  if (!existsSync(RESULTS)) return []
  return readdirSync(RESULTS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).mtimeMs >= startedAt)
    .map((path) => {
      const text = readFileSync(path, 'utf8')
      return { file: relative(RESULTS, path).replace(/\.tap$/, ''), seconds: Number(/^# time=([\d.]+)ms/m.exec(text)?.[1] ?? 0) / 1000, text }
    })
    .sort((one, other) => other.seconds - one.seconds)
}

/**
 * Assertions that failed, each under the names of the tests it stands in, with its diagnostics. Of nested ones only
 * the innermost: those around it failed because of it.
 * @returns {Array<{ path: string[], lines: string[] }>}
 */
export function findFailures (text) {
  const failures = []
  const path = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const subtest = /^( *)# Subtest: (.*)$/.exec(line)
    if (subtest !== null) {
      const depth = subtest[1].length / 4
      path.length = depth
      path[depth] = subtest[2]
    }
    const failure = /^( *)not ok \d+(?: - (.*))?$/.exec(line)
    if (failure === null) continue
    const depth = failure[1].length / 4
    const within = path.slice(0, depth)
    const name = (failure[2] ?? '').replace(/ # time=.*/, '')
    // A test that failed because something in it did.
    if (failures.some((known) => [...within, name].every((part, place) => known.path[place] === part))) continue
    const rest = lines.slice(index + 1)
    const end = rest.findIndex((other) => other.startsWith(`${failure[1]}  ...`))
    failures.push({ path: [...within, name], lines: end === -1 ? [] : rest.slice(0, Math.min(end + 1, MAX_LINES)) })
  }
  return failures
}
