import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ANDROID_FINDINGS } from '../../bench/phone-files.js'
import type { ReportSections } from '../../src/telemetry/adapters/report-sections.js'
import { fromAndroidQf } from '../../src/telemetry/adapters/androidqf.js'
import { fromIosBackup } from '../../src/telemetry/adapters/ios-backup.js'
import { entry, judge, summary, vulnerability, type Phone } from './helpers.js'

const data = join(import.meta.dirname, '../../../shared/data')
const read = (path: string): string => readFileSync(join(data, path), 'utf8')
const isHere = existsSync(join(data, 'mvt-artifacts'))

/** A report merged into an empty state, as far as these phones need it. */
function toPhone ({ apps, events: _, ...rest }: ReportSections): Phone {
  return { ...rest, ...(apps?.mode === 'snapshot' ? { apps: apps.items } : {}) } as Phone
}

function androidQfPhone (): Phone {
  return toPhone(fromAndroidQf({
    packages: read('mvt-artifacts/androidqf/packages.json'),
    rootBinaries: read('mvt-artifacts/androidqf/root_binaries.json'),
    getprop: read('mvt-artifacts/androidqf/getprop.txt'),
    settings: [read('mvt-artifacts/androidqf/settings_random.txt')],
    processes: read('mvt-artifacts/androidqf/ps.txt')
  }))
}

const sorted = (lines: readonly string[]): string[] => [...lines].sort()

t.test('the Android phone of the toolkit\'s tests', async (t) => {
  if (!isHere) return t.comment('5 checks left out: the device files are not here')

  const found = judge({ phone: androidQfPhone() })
  // Not found: YouTube (system), a music player from F-Droid, two "malware" apps that nobody listed and that are system apps.
  t.strictSame(sorted(summary(found)), sorted(ANDROID_FINDINGS))
  t.equal(found.level, 'high')
  t.strictSame(found.failures, [])
  t.strictSame(found.coverage, ['apps', 'config', 'integrity', 'processes', 'properties'], 'it never told its version: no patch level is judged')

  const withIntel = judge({
    phone: androidQfPhone(),
    intel: [
      entry('app-id', 'com.malware.blah'),
      entry('sha256', '31037a27af59d4914906c01ad14a318eee2f3e31d48da8954dca62a99174e3fa'),
      entry('cert-sha256', 'c7e56178748be1441370416d4c10e34817ea0c961eb636c8e9d98e0fd79bf730', { threatClass: 'mercenary-spyware' })
    ]
  })
  t.strictSame(sorted(summary(withIntel)), sorted([...ANDROID_FINDINGS, 'app-malware-known com.malware.blah medium', 'app-mercenary-spyware com.malware.muahaha high']))
})

t.test('nothing on that phone is in the public stalkerware list', async (t) => {
  if (!isHere) return t.comment('1 check left out: the device files are not here')
  // The list is one value a line under a key; enough to ask it for our seven apps.
  const lines = new Set(read('stalkerware-indicators/ioc.yaml').split('\n').map((line) => line.trim().replace(/^- /, '').toLowerCase()))
  const values = (androidQfPhone().apps ?? []).flatMap(({ appId, signingCertSha1 }) => [appId, ...signingCertSha1 ?? []])
  t.strictSame(values.filter((value) => lines.has(value.toLowerCase())), [])
})

t.test('a phone with NoviSpy is judged by Amnesty\'s indicators', async (t) => {
  if (!isHere) return t.comment('2 checks left out: the indicators are not here')
  const folder = 'amnesty-investigations/2024-12-16_serbia_novispy'
  const list = (name: string): string[] => read(`${folder}/${name}`).split('\n').filter((line) => line !== '')
  const intel = [
    ...list('package_names.txt').map((value) => entry('app-id', value, { threatClass: 'mercenary-spyware', family: 'NoviSpy' })),
    ...list('package_cert_hashes.txt').map((value) => entry('cert-sha256', value, { threatClass: 'mercenary-spyware', family: 'NoviSpy' })),
    ...list('domains.txt').map((value) => entry('ipv4', value, { threatClass: 'mercenary-spyware', family: 'NoviSpy', role: 'c2' }))
  ]
  const found = judge({
    phone: {
      apps: [{ appId: 'com.serv.services', installer: null, system: false, signingCertSha256: [list('package_cert_hashes.txt')[0]!.toUpperCase()] }],
      events: [{ eventId: 'e', type: 'connection', at: '2026-11-23T11:00:00Z', ip: list('domains.txt')[0]!, port: 443 }]
    },
    intel
  })
  t.strictSame(summary(found), [
    `app-mercenary-spyware ${list('domains.txt')[0]!} high`,
    'app-mercenary-spyware com.serv.services high',
    'app-sideloaded com.serv.services medium'
  ])
  t.equal(found.level, 'high')
})

t.test('the iPhone of the toolkit\'s tests, on iOS 14.3', async (t) => {
  if (!isHere) return t.comment('3 checks left out: the device files are not here')
  const phone = toPhone(fromIosBackup(readFileSync(join(data, 'mvt-artifacts/ios_backup/Info.plist'))))
  t.strictSame(phone.os, { version: '14.3', build: '18C66' })
  t.strictSame((phone.apps ?? []).map(({ appId }) => appId), [
    'ph.telegra.Telegraph', 'com.google.Gmail', 'ch.icoaching.typewise', 'com.google.chrome.ios', 'net.whatsapp.WhatsApp', 'org.mozilla.ios.Firefox'
  ])

  const catalogue = (JSON.parse(read('cisa-kev/known_exploited_vulnerabilities.json')) as { vulnerabilities: ReadonlyArray<{ cveID: string, dueDate: string }> }).vulnerabilities
  // Closed in iOS 14.4 and 14.8; the second was used for FORCEDENTRY.
  const vulnerabilities = [['CVE-2021-1782', '14.4'], ['CVE-2021-30860', '14.8']].map(([cve, fixed]) =>
    vulnerability({ cve: cve!, fixedIn: [fixed!], kevDueDate: catalogue.find(({ cveID }) => cveID === cve)!.dueDate }))
  const found = judge({ platform: 'ios', phone, vulnerabilities })
  t.strictSame(summary(found), ['os-cve-kev CVE-2021-1782 high', 'os-cve-kev CVE-2021-30860 high'])
})
