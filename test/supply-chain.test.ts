import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/platform/package-root.js'
import { judgeAudit } from '../tools/audit.js'
import { LICENCES_ELSEWHERE, listLicences, refusedLicences } from '../tools/licences.js'
import { makeSbom } from '../tools/sbom.js'

const packages = listLicences()

t.test('every package has a licence that allows what we do with it', async (t) => {
  t.ok(packages.filter(({ development }) => !development).length > 100, 'there are packages')
  t.strictSame(refusedLicences(packages).map(({ name, licence }) => `${name}: ${licence}`), [])
  t.strictSame(refusedLicences([
    { path: '', name: 'a', version: '1', licence: 'GPL-3.0', development: false }, { path: '', name: 'b', version: '1', licence: undefined, development: true },
    { path: '', name: 'c', version: '1', licence: 'CC-BY-3.0', development: false }, { path: '', name: 'd', version: '1', licence: 'CC-BY-3.0', development: true }
  ]).map(({ name }) => name), ['a', 'b', 'c'])
})

t.test('what is installed says the same of its licence as the lock file', async (t) => {
  const other = packages.flatMap(({ path, name, licence }) => {
    const file = join(packageRoot, path, 'package.json')
    // Those for other systems are not installed.
    if (!existsSync(file)) return []
    const { license, licenses } = JSON.parse(readFileSync(file, 'utf8')) as { license?: string | { type?: string }, licenses?: ReadonlyArray<{ type?: string }> }
    const said = typeof license === 'string' ? license : license?.type ?? licenses?.[0]?.type
    return said === licence || (said === undefined && name in LICENCES_ELSEWHERE) ? [] : [`${path}: ${String(said)}, in the lock file ${String(licence)}`]
  })
  t.strictSame(other, [])
})

t.test('the bill of materials has every package that Sallyport is run with, its licence and its hash', async (t) => {
  const sbom = makeSbom()
  t.match(sbom, { bomFormat: 'CycloneDX', specVersion: /^1\.\d$/, metadata: { component: { name: 'sallyport', type: 'application' } } })
  const purlOf = ({ name, version }: { readonly name: string, readonly version: string }): string => `pkg:npm/${name.replace('@', '%40')}@${version}`
  const wanted = [...new Set(packages.filter(({ development }) => !development).map(purlOf))].sort()
  t.strictSame([...new Set(sbom.components.map(({ purl }) => purl))].filter((purl) => !wanted.includes(purl)), [], 'nothing that only builds it')
  t.strictSame(wanted.filter((purl) => !sbom.components.some((component) => component.purl === purl)), [], 'and all else')
  t.strictSame(sbom.components.filter(({ licenses }) => licenses === undefined || licenses.length === 0).map(({ purl }) => purl), [])
  t.strictSame(sbom.components.filter(({ hashes }) => hashes?.some(({ alg, content }) => alg === 'SHA-512' && /^[0-9a-f]{128}$/.test(content)) !== true).map(({ purl }) => purl), [])
  t.equal(new Set(sbom.dependencies.map(({ ref }) => ref)).size, new Set(sbom.components.map(({ purl }) => purl)).size + 1, 'and what needs what')
})

t.test('severe advisories fail the check, others are noted, and a registry that does not answer is told apart', async (t) => {
  const answer = (severity: string, id = 'GHSA-1'): string => JSON.stringify({
    vulnerabilities: {
      a: { severity, via: [{ title: 'Bad', url: `https://github.com/advisories/${id}`, severity, range: '<2' }] }, b: { severity, via: ['a'] }
    }
  })
  t.equal(judgeAudit('{"vulnerabilities":{}}').outcome, 'clean')
  t.match(judgeAudit(answer('moderate')), { outcome: 'clean', lines: [/^noted moderate a <2: Bad/] })
  t.match(judgeAudit(answer('high')), { outcome: 'vulnerable', lines: [/^FAILS high a/] })
  t.equal(judgeAudit(answer('critical')).outcome, 'vulnerable')
  const today = new Date('2026-12-01')
  const exceptions = [{ id: 'GHSA-1', reason: 'not reached', until: '2027-01-01' }]
  t.equal(judgeAudit(answer('high'), { exceptions, today }).outcome, 'clean')
  t.equal(judgeAudit(answer('high'), { exceptions, today: new Date('2027-02-01') }).outcome, 'vulnerable', 'an exception ends')
  t.equal(judgeAudit(answer('high', 'GHSA-2'), { exceptions, today }).outcome, 'vulnerable')
  for (const text of ['', 'npm error', '{"error":{"code":"ENOAUDIT","summary":"no audit here"}}', '{"message":"request failed"}']) t.equal(judgeAudit(text).outcome, 'unanswered', text)
})
