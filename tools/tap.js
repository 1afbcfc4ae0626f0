// Runs tap without the module loaders that it puts into every test process and all that those start: one records
// which files were loaded (for coverage and `--changed`), one replaces modules (`t.mockImport`), one compiles TypeScript.
// We use none of them, and together they make loading the code several times as long. Tells at the end which files were
// slowest and what failed: of a long log the end is read first, and sometimes kept alone. Without names of files all
// of them run, and short ones share a process.
// TAP_PROFILE=FOLDER leaves a processor profile of every process there.
import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
import { memoryFolder } from './memory-folder.js'
import { groupTests } from './tap-groups.js'
import { findFailures, readResults } from './tap-results.js'

const LOADER = /^"?--import=.*\/@tapjs\//
const PROFILE = process.env.TAP_PROFILE === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env.TAP_PROFILE}`]
const TOLD = 15

const memory = memoryFolder()
if (process.env.TMPDIR === undefined && memory !== undefined) process.env.TMPDIR = memory

const { spawn } = childProcess
childProcess.spawn = (command, args, options) => Array.isArray(args)
  ? spawn(command, [...PROFILE, ...args.filter((arg) => !LOADER.test(arg))], { ...options, env: withoutLoaders(options?.env ?? process.env) })
  : spawn(command, args, options)
syncBuiltinESMExports()

/** What a test starts inherits its environment, and would load them as well. */
function withoutLoaders ({ NODE_OPTIONS: options, ...env }) {
  const kept = options?.match(/"(?:[^"\\]|\\.)*"|\S+/g)?.filter((option) => !LOADER.test(option)) ?? []
  return { ...env, ...(kept.length === 0 ? {} : { NODE_OPTIONS: kept.join(' ') }) }
}

const startedAt = Date.now()
process.once('exit', () => {
  const results = readResults(startedAt)
  if (results.length > TOLD) {
    const sum = results.reduce((sum, { seconds }) => sum + seconds, 0)
    console.error(`# ${results.length} files took ${Math.round((Date.now() - startedAt) / 1000)} s, their tests together ${Math.round(sum)} s; the longest:`)
    for (const { file, seconds } of results.slice(0, TOLD)) console.error(`# ${seconds.toFixed(1).padStart(7)} s ${file}`)
  }
  for (const { file, text } of results) {
    for (const { path, lines } of findFailures(text)) console.error([`# FAILED ${[file, ...path].join(' > ')}`, ...lines.map((line) => `#   ${line}`)].join('\n'))
  }
})

if (!process.argv.slice(2).some((arg) => arg.endsWith('.test.js'))) process.argv.push(...groupTests())
await import(new URL('run.mjs', import.meta.resolve('tap')))
