// Which test files share a process (tools/run-together.js). Loading the code takes longer than most of them; those
// that start the whole program do it anyway, and those that measure memory or change the process want one of their own.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const COMPILED = 'dist/test'
const GROUPS = join(COMPILED, 'together')
const FILES_A_GROUP = 8
/** Folders in which every file is long. */
const LONG = ['e2e', 'bench', 'deploy']
/** What a file says in a comment of its own, with the reason. */
const ALONE = /^\/\/ Alone in its process: /m

/** The test files of a run, those that are alone first, because they are the longest. @returns {string[]} */
export function groupTests () {
  rmSync(GROUPS, { recursive: true, force: true })
  const files = readdirSync(COMPILED, { recursive: true }).filter((file) => file.endsWith('.test.js'))
  const { alone, groups } = planGroups(files, (file) => readFileSync(join('test', file).replace(/\.js$/, '.ts'), 'utf8'))
  mkdirSync(GROUPS, { recursive: true })
  return [...alone.map((file) => join(COMPILED, file)), ...groups.map(writeGroup)]
}

/**
 * Each file is in one place.
 * @param {string[]} files from the folder of tests
 * @param {(file: string) => string} sourceOf
 * @returns {{ alone: string[], groups: string[][] }}
 */
export function planGroups (files, sourceOf) {
  const [alone, others] = [[], []]
  for (const file of files.toSorted()) (LONG.includes(file.split('/')[0]) || ALONE.test(sourceOf(file)) ? alone : others).push(file)
  const groups = []
  for (let first = 0; first < others.length; first += FILES_A_GROUP) groups.push(others.slice(first, first + FILES_A_GROUP))
  return { alone, groups }
}

/** Named after the first of its files, so that the same files have the same name. */
function writeGroup (files) {
  const path = join(GROUPS, `${files[0].replaceAll('/', '.').replace(/\.test\.js$/, '')}-and-${files.length - 1}-more.test.js`)
  const paths = files.map((file) => join(COMPILED, file))
  writeFileSync(path, `import { runTogether } from '${relative(GROUPS, 'tools/run-together.js')}'\n\nrunTogether(${JSON.stringify(paths, null, 2)})\n`)
  return path
}
