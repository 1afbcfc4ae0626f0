import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/platform/package-root.js'

const page = readFileSync(join(packageRoot, 'docs/threat-model.md'), 'utf8')

t.test('every boundary of the threat model names tests, and each of them is there and tests something', async (t) => {
  const boundaries = page.split(/^## /m).slice(1).map((section) => ({ name: section.split('\n')[0]!, tests: /^Tests: (.*)$/m.exec(section)?.[1]?.match(/test\/[\w/.-]+\.test\.ts/g) ?? [] }))
  t.ok(boundaries.length >= 15, 'boundaries are found')
  t.strictSame(boundaries.filter(({ tests }) => tests.length === 0).map(({ name }) => name), ['What is not held'])
  for (const file of new Set(boundaries.flatMap(({ tests }) => tests))) {
    t.ok(existsSync(join(packageRoot, file)), file)
    if (existsSync(join(packageRoot, file))) t.match(readFileSync(join(packageRoot, file), 'utf8'), /\bt\.test\(/, file)
  }
})

const REVIEWS = 'docs/security-review'
const reviews = readdirSync(join(packageRoot, REVIEWS)).filter((name) => name.endsWith('.md')).map((name) => `${REVIEWS}/${name}`)

t.test('files that pages on security name are there', async (t) => {
  for (const name of ['docs/threat-model.md', 'docs/privacy.md', 'docs/secrets.md', 'docs/decisions/0026-audit-chain.md', 'docs/decisions/0030-hardening.md', ...reviews]) {
    for (const [file] of readFileSync(join(packageRoot, name), 'utf8').matchAll(/\b(?:test|src|migrations|deploy|bench|tools)\/[\w/.-]+\.(?:ts|js|sql|ya?ml|json)\b/g)) t.ok(existsSync(join(packageRoot, file)), `${name}: ${file}`)
  }
})

/** A file in backquotes, and after it names of its tests, or parts of them, in quotation marks. */
const NAMED_TESTS = /`(test\/[\w/.-]+\.ts)`((?:,? “[^”]+”)+)/g

t.test('tests that reviews name are in the file that they name', async (t) => {
  let found = 0
  const missing: string[] = []
  for (const review of reviews) {
    for (const [, file, names] of readFileSync(join(packageRoot, review), 'utf8').matchAll(NAMED_TESTS)) {
      const code = existsSync(join(packageRoot, file!)) ? readFileSync(join(packageRoot, file!), 'utf8').replaceAll("\\'", "'") : ''
      for (const [, name] of names!.matchAll(/“([^”]+)”/g)) {
        if (!code.includes(name!)) missing.push(`${review}: ${file!}: ${name!}`)
        found++
      }
    }
  }
  t.strictSame(missing, [])
  t.ok(found > 50, `${found} tests are named`)
})
