// What the files of a run wrote, read again: which took longest, and what failed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Where tap keeps what each file wrote. */
const RESULTS = '.tap/test-results'
/** Lines of a failure's diagnostics that are told. */
const MAX_LINES = 40

/** Where tools/tap-groups.js puts files that stand for several. */
const GROUP = /^dist\/test\/together\//

/**
 * The results of a run that began then, slowest first; each file of a group by itself.
 * @returns {Array<{ file: string, seconds: number, text: string }>}
 */
export function readResults (startedAt) {
  if (!existsSync(RESULTS)) return []
  return readdirSync(RESULTS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).mtimeMs >= startedAt)
    .flatMap((path) => {
      const file = relative(RESULTS, path).replace(/\.tap$/, '')
      const text = readFileSync(path, 'utf8')
      return GROUP.test(file) ? splitGroup(file, text) : [{ file, seconds: secondsIn(/^# time=([\d.]+)ms/m, text), text }]
    })
    .sort((one, other) => other.seconds - one.seconds)
}

const secondsIn = (pattern, text) => Number(pattern.exec(text)?.[1] ?? 0) / 1000

/**
 * What a group of files wrote, apart: the output of each file as if it had run by itself. What the group says outside
 * its files (it was ended by a signal, say) stands under its own name.
 * @returns {Array<{ file: string, seconds: number, text: string }>}
 */
export function splitGroup (group, text) {
  const [head, ...parts] = text.split(/^# Subtest: (?=.*\.test\.js$)/m)
  const results = []
  let rest = head
  for (const part of parts) {
    const lines = part.split('\n')
    const end = lines.findIndex((line) => /^(not )?ok /.test(line))
    const own = lines.slice(1, end === -1 ? undefined : end).map((line) => line.replace(/^ {4}/, '')).join('\n')
    results.push({ file: lines[0], seconds: end === -1 ? 0 : secondsIn(/ # time=([\d.]+)ms/, lines[end]), text: own })
    // Its own line says again what failed in it, and something only where nothing did.
    const said = end !== -1 && (lines[end].startsWith('ok') || findFailures(own).length > 0)
    if (end !== -1) rest += lines.slice(said ? end + 1 : end).join('\n')
  }
  return findFailures(rest).length > 0 ? [...results, { file: group, seconds: 0, text: rest }] : results
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
