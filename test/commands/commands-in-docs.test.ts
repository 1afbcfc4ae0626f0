import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { program } from '../../src/cli.js'
import { packageRoot } from '../../src/platform/package-root.js'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')
const PAGES = [
  'README.md', 'docker-compose.yml', '.env.example', 'deploy/helm/sallyport/templates/NOTES.txt', 'deploy/helm/sallyport/values.yaml',
  ...['docs', 'docs/decisions'].flatMap((folder) => readdirSync(join(packageRoot, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`))
]
/** A command of ours up to what ends it: in a shell, in a container, or in running text. */
const COMMAND = /(?:(?<![\w/.-]|-n |namespace |generic )sallyport|bin\/sallyport\.js|docker compose run --rm (?:api|worker))(?= +[a-z-])((?: +(?:"[^"]*"|[^\s`"|#&;()]+))+)/g

/** What is wrong with a command line; undefined: nothing, or it is none (the word stands in a sentence). */
function faultOf (text: string, isCode: boolean): string | undefined {
  const words = text.trim().match(/"[^"]*"|\S+/g)!
  let command: Command = program
  while (words.length > 0) {
    // `operator grant|list|remove`
    const [first = ''] = words[0]!.replace(/[.,:;]$/, '').split('|')
    const next = command.commands.find((one) => one.name() === first)
    if (next === undefined) break
    command = next
    words.shift()
  }
  if (command === program) return isCode ? 'there is no such command' : undefined
  // A shell's line names what is to be done; running text may speak of all commands of a kind.
  if (isCode && command.commands.length > 0 && words[0] !== undefined && !words[0].startsWith('-')) return `${command.name()} has no command ${words[0]}`
  const known = new Set([...command.options.flatMap(({ short, long }) => [short, long]), '--help'])
  const [strange] = words.flatMap((word) => word.match(/(?<=^|\[)--?[a-z][a-z0-9-]*/g) ?? []).filter((word) => !known.has(word))
  return strange === undefined ? undefined : `${command.name()} has no option ${strange}`
}

t.test('every command that a page tells somebody to run is there, with the options it is given', async (t) => {
  let found = 0
  for (const page of PAGES) {
    let isBlock = false
    for (const [index, line] of read(page).replace(/ \\\n\s*/g, ' ').split('\n').entries()) {
      if (line.trimStart().startsWith('```')) isBlock = !isBlock
      for (const match of line.matchAll(COMMAND)) {
        const isCode = (isBlock && /^(?:\S+=\S+ +)*(?:npx |kubectl |docker |sallyport )/.test(line.trim())) || line[match.index - 1] === '`' || line.slice(0, match.index).endsWith('`npx ')
        if (isCode) found++
        t.equal(faultOf(match[1]!, isCode), undefined, `${page}, line ${index + 1}: ${match[0]}`)
      }
    }
  }
  t.ok(found > 60, `${found} commands were found`)
  t.equal(faultOf(' tenant make', true), 'tenant has no command make')
  t.equal(faultOf(' api-key create --rolle admin', true), 'create has no option --rolle')
})

t.test('every npm script and benchmark that a page names is there', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const benchmarks = new Set([...read('bench/run.ts').matchAll(/^ {2}(\w+): async \(\) =>/gm)].map(([, name]) => name))
  const built = new Set(['start', 'test', 'ci', 'install', 'audit', 'rebuild'])
  for (const page of PAGES) {
    for (const [, name, bench] of read(page).matchAll(/npm run (?:-s )?([a-z]+)(?: -- ([a-z]+)\b)?/g)) {
      t.ok(name! in scripts || built.has(name!), `${page}: npm run ${name}`)
      if (name === 'bench' && bench !== undefined) t.ok(benchmarks.has(bench), `${page}: npm run bench -- ${bench}`)
    }
  }
})
