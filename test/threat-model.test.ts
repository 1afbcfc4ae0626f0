import { existsSync, readFileSync } from 'node:fs'
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

t.test('tests that other pages on security name are there', async (t) => {
  for (const name of ['docs/privacy.md', 'docs/secrets.md', 'docs/decisions/0026-audit-chain.md', 'docs/decisions/0030-hardening.md']) {
    for (const [file] of readFileSync(join(packageRoot, name), 'utf8').matchAll(/test\/[\w/.-]+\.ts/g)) t.ok(existsSync(join(packageRoot, file)), `${name}: ${file}`)
  }
})
