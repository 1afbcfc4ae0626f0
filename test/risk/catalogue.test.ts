import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listCatalogue } from '../../src/risk/catalogue.js'
import { renderCatalogue } from '../../src/risk/catalogue-page.js'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { CATALOGUE_ROWS } from './catalogue-rows.js'

const root = join(import.meta.dirname, '../..')
const techniquesFile = join(root, '../shared/data/mitre-attack-mobile/techniques.json')

t.test('every detection describes itself', async (t) => {
  const ids = DETECTIONS.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, 'ids are unique')
  for (const { id, version, sections, platforms, description, remediation } of DETECTIONS) {
    t.match(id, /^(app|net|os|dev|mgmt|cmp)-[a-z0-9-]+$/, `${id} is kebab-case`)
    t.ok(version >= 1 && platforms.length > 0 && sections.length > 0, `${id} has its data`)
    t.ok([description, remediation.user, remediation.admin].every((text) => /^[A-Z].*\.$/s.test(text)), `${id} has its texts, in sentences`)
  }
})

/** Rows that are no detections, but states and signs in docs/detections.md. */
const STATES = ['mgmt-pending', 'mgmt-silent', 'mgmt-deactivated', 'mgmt-policy-verification', 'mgmt-push-failed']
/** Judged on iPhones as well, because reports can carry it. */
const WIDER = ['app-banking-trojan', 'app-ransomware', 'app-dropper', 'app-toll-fraud', 'app-click-fraud', 'app-spam-sender', 'app-debuggable', 'app-malicious-file', 'net-hosts-modified']
/** Recorded with their severity, and never raise the level: what is not seen is unknown. */
const ONLY_RECORDED = ['mgmt-permission-missing', 'mgmt-scan-overdue']
const STARTS: Readonly<Record<string, string>> = { adv: 'audit', low: 'low', med: 'medium', high: 'high' }

t.test('every row of the catalogue of threats is a detection with its platforms, level and techniques, or a state that the page names', async (t) => {
  t.equal(CATALOGUE_ROWS.length, 174)
  const known = new Map(DETECTIONS.map((detection) => [detection.id, detection]))
  t.strictSame(CATALOGUE_ROWS.map(({ id }) => id).filter((id) => !known.has(id)), STATES)
  t.strictSame([...known.keys()].filter((id) => !CATALOGUE_ROWS.some((row) => row.id === id)), [])
  for (const { id, platforms, start, attack } of CATALOGUE_ROWS) {
    const detection = known.get(id)
    if (detection === undefined) continue
    t.strictSame({
      platforms: [...detection.platforms].sort(),
      severity: detection.severity,
      attack: detection.attack,
      raisesLevel: detection.raisesLevel
    }, {
      platforms: WIDER.includes(id) || platforms === 'AI' ? ['android', 'ios', 'ipados'] : platforms === 'A' ? ['android'] : ['ios', 'ipados'],
      severity: STARTS[id === 'dev-play-protect-verdict' ? 'high' : start],
      attack,
      raisesLevel: !ONLY_RECORDED.includes(id)
    }, id)
  }
  const page = readFileSync(join(packageRoot, 'docs/detections.md'), 'utf8')
  t.strictSame([...STATES, ...WIDER, ...ONLY_RECORDED].filter((id) => !page.slice(0, page.indexOf('<!-- detections')).includes(id)), [], 'the page says so')
})

t.test('every ATT&CK id is one of the current version', async (t) => {
  if (!existsSync(techniquesFile)) return t.comment('1 check left out: the list of techniques is not here')
  const known = new Set((JSON.parse(readFileSync(techniquesFile, 'utf8')) as ReadonlyArray<{ id: string }>).map(({ id }) => id))
  t.strictSame(DETECTIONS.flatMap(({ attack }) => attack).filter((id) => !known.has(id)), [])
})

t.test('the catalogue shows each detection under the policy', async (t) => {
  const policy = { ...BUILT_IN_POLICY, severities: { 'dev-no-passcode': 'off', 'app-sideloaded': 'low', 'dev-usb-debugging': 'audit' } } as const
  const entries = listCatalogue(policy)
  const of = (id: string): object => entries.find((entry) => entry.id === id)!
  t.equal(entries.length, DETECTIONS.length)
  t.match(of('dev-no-passcode'), { severity: 'off', defaultSeverity: 'medium', raisesLevel: false })
  t.match(of('app-sideloaded'), { severity: 'low', defaultSeverity: 'medium', raisesLevel: true })
  t.match(of('dev-usb-debugging'), { severity: 'audit', raisesLevel: false })
  t.match(of('dev-rooted'), { severity: 'high', defaultSeverity: 'high', raisesLevel: true })
})

t.test('the page of the catalogue has every detection once', async (t) => {
  const page = renderCatalogue()
  t.strictSame([...page.matchAll(/^### (.+)$/gm)].map((match) => match[1]).sort(), DETECTIONS.map(({ id }) => id).sort())
  const examples = DETECTIONS.flatMap(({ examples }) => examples)
  t.equal([...page.matchAll(/^\| .+ \((?:Android|iOS|iPadOS)\) \| .+ \| .+ \|$/gm)].length, examples.length, 'with its examples')
  t.match(page, /https:\/\/attack\.mitre\.org\/techniques\/T1628\/001\//, 'links sub-techniques')
})
