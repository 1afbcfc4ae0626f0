// Runs tap without the module loaders that it puts into every test process and all that those start: one records
// which files were loaded (for coverage and `--changed`), one replaces modules (`t.mockImport`), one compiles TypeScript.
// We use none of them, and together they make loading the code several times as long. Tells the slowest files at the end.
import childProcess from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join, relative } from 'node:path'

const LOADER = /^--import=.*\/@tapjs\//
/** Where tap keeps what each file wrote. */
const RESULTS = '.tap/test-results'
const TOLD = 15

const { spawn } = childProcess
childProcess.spawn = (command, args, ...rest) => spawn(command, Array.isArray(args) ? args.filter((arg) => !LOADER.test(arg)) : args, ...rest)
syncBuiltinESMExports()

const startedAt = Date.now()
process.once('exit', () => {
  if (!existsSync(RESULTS)) return
  const files = readdirSync(RESULTS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).mtimeMs >= startedAt)
    .map((file) => ({ file: relative(RESULTS, file).replace(/\.tap$/, ''), seconds: Number(/^# time=([\d.]+)ms/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) / 1000 }))
    .sort((one, other) => other.seconds - one.seconds)
  if (files.length <= TOLD) return
  const sum = files.reduce((sum, { seconds }) => sum + seconds, 0)
  console.error(`# ${files.length} files took ${Math.round((Date.now() - startedAt) / 1000)} s, their tests together ${Math.round(sum)} s; the longest:`)
  for (const { file, seconds } of files.slice(0, TOLD)) console.error(`# ${seconds.toFixed(1).padStart(7)} s ${file}`)
})

await import(new URL('run.mjs', import.meta.resolve('tap')))
