import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listCatalogue } from '../../src/risk/catalogue.js'
import { renderCatalogue } from '../../src/risk/catalogue-page.js'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'

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
  t.match(page, /https:\/\/attack\.mitre\.org\/techniques\/T1628\/001\//, 'links sub-techniques')
})
