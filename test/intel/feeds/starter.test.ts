import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { parseStarter } from '../../../src/intel/feeds/starter.js'
import { parseStalkerware } from '../../../src/intel/feeds/stalkerware.js'
import { parseStix } from '../../../src/intel/feeds/stix.js'
import { packageRoot } from '../../../src/platform/package-root.js'
import type { OsStatement } from '../../../src/intel/vulnerabilities/vulnerability.js'
import { readSharedData } from '../shared-data.js'

const SHIPPED = readFileSync(join(packageRoot, 'src/intel/bundled/starter.yaml'), 'utf8')

const withVulnerability = (text: string): string => `format: sallyport-starter/1\nfamilies: []\nvulnerabilities:\n  - { cve: CVE-2024-0001, severity: high, kevDateAdded: '2024-01-01', kevDueDate: '2024-01-22', ${text} }\n`

const holesOf = (text: string): readonly OsStatement[] => parseStarter(text).vulnerabilities.filter((fact) => fact.kind === 'os')

t.test('the shipped feed is whole and nothing of it is left out', async (t) => {
  const { indicators, skipped } = parseStarter(SHIPPED)
  const vulnerabilities = holesOf(SHIPPED)
  t.strictSame(skipped, [])
  t.ok(indicators.length > 50)
  const cves = (platform: string): number => new Set(vulnerabilities.filter((one) => one.platform === platform).map(({ cve }) => cve)).size
  t.ok(cves('ios') >= 25 && cves('ipados') >= 25 && cves('android') >= 10)
  t.ok(vulnerabilities.every(({ exploited, kevDateAdded }) => exploited && kevDateAdded !== null))
  t.equal(vulnerabilities.length, new Set(vulnerabilities.map(({ platform, cve }) => platform + cve)).size)
})

t.test('the shipped feed names its sources and their licences', async (t) => {
  for (const name of ['Echap', 'CC BY 4.0', 'Amnesty', 'CISA', 'CC0']) t.match(SHIPPED, name)
})

t.test('patch levels of platform fixes end in 01, of others later', async (t) => {
  for (const { platform, fixedIn, part, cve } of holesOf(SHIPPED)) {
    if (platform === 'android') t.match(fixedIn[0], part === 'platform' ? /-01$/ : /-0[56]$/, cve)
    else t.equal(part, null, cve)
  }
})

t.test('the shipped dates are those of the catalogue', async (t) => {
  const text = readSharedData(t, 'cisa-kev/known_exploited_vulnerabilities.json', 90)
  if (text === undefined) return
  const { vulnerabilities: catalogue } = JSON.parse(text) as { vulnerabilities: Array<{ cveID: string, dateAdded: string, dueDate: string }> }
  const known = new Map(catalogue.map((one) => [one.cveID, one]))
  for (const { cve, kevDateAdded, kevDueDate } of holesOf(SHIPPED)) {
    t.match(known.get(cve), { dateAdded: kevDateAdded, dueDate: kevDueDate }, cve)
  }
})

t.test('fixed versions were released, and patch levels not before their CVE', async (t) => {
  const text = readSharedData(t, 'endoflife/ios-versions.json', 60)
  if (text === undefined) return
  const released = new Set(Object.keys((JSON.parse(text) as { versions: Record<string, unknown> }).versions))
  // The first of a branch is iOS 16 to Apple, and to some lists.
  const wasReleased = (version: string): boolean => released.has(version) || released.has(version.replace(/\.0$/, ''))
  const unknown = new Set<string>()
  for (const { cve, platform, fixedIn } of holesOf(SHIPPED)) {
    if (platform === 'android') t.ok(Number(fixedIn[0]!.slice(0, 4)) >= Number(cve.slice(4, 8)), cve)
    else for (const version of fixedIn) if (!wasReleased(version.replace(/ \(.\)$/, ''))) unknown.add(`${platform} ${version}`)
  }
  t.strictSame([...unknown].filter((one) => one.startsWith('ios ')), [])
})

t.test('the shipped indicators are facts of the public lists', async (t) => {
  const list = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 30)
  const predator = readSharedData(t, 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 9)
  const novispy = readSharedData(t, 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', 12)
  if (list === undefined || predator === undefined || novispy === undefined) return
  const keyOf = ({ type, value, role, family, threatClass }: { type: string, value: string, role: string, family: string, threatClass: string }): string => [type, value, role, family, threatClass].join(' ')
  const facts = new Set([...parseStalkerware(list).indicators, ...parseStix(predator).indicators, ...parseStix(novispy).indicators].map(keyOf))
  t.strictSame(parseStarter(SHIPPED).indicators.map(keyOf).filter((key) => !facts.has(key)), [])
})

t.test('names every fault of a feed written like it', async (t) => {
  const faultsOf = (text: string): Array<{ path: string, message: string }> => {
    try {
      parseStarter(text)
      return []
    } catch (error) {
      return (error as { faults: Array<{ path: string, message: string }> }).faults
    }
  }
  t.strictSame(faultsOf(withVulnerability("ios: ['17.3']")), [])
  t.match(faultsOf(withVulnerability("ios: ['seventeen']")), [{ path: '/vulnerabilities/0', message: 'seventeen is no version' }])
  t.match(faultsOf(withVulnerability("android: '2024-02-30'")), [{ message: '2024-02-30 is no patch level' }])
  t.match(faultsOf(withVulnerability("android: '17.3'")), [{ message: '17.3 is no patch level' }])
  t.match(faultsOf('format: sallyport-starter/1\nfamilies: [{ name: A, class: nice }]\nvulnerabilities: []'), [{ path: '/families/0/class' }])
  t.not(faultsOf('format: sallyport-starter/2\nfamilies: []\nvulnerabilities: []').length, 0)
})

t.test('reads a CVE of each platform with its own fixes', async (t) => {
  t.ok(parse(SHIPPED))
  const vulnerabilities = holesOf(withVulnerability("ios: ['18.3.1'], ipados: ['18.3.1', '17.7.5'], android: '2024-01-05', part: kernel-vendor"))
  t.strictSame(vulnerabilities.map(({ platform, fixedIn, part }) => [platform, fixedIn, part]), [
    ['ios', ['18.3.1'], null], ['ipados', ['18.3.1', '17.7.5'], null], ['android', ['2024-01-05'], 'kernel-vendor']
  ])
})
