import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIntelIndex } from '../src/intel/index/intel-index.js'
import type { IntelEntry } from '../src/intel/intel-view.js'
import type { VulnerabilityFact } from '../src/intel/vulnerabilities/vulnerability.js'
import { assess } from '../src/risk/assess.js'
import { BUILT_IN_POLICY } from '../src/risk/policy/policy.js'
import { fromAndroidQf } from '../src/telemetry/adapters/androidqf.js'
import { fromIosBackup } from '../src/telemetry/adapters/ios-backup.js'
import type { ReportSections } from '../src/telemetry/adapters/report-sections.js'
import { EMPTY_STATE, type Platform } from '../src/telemetry/device-state.js'
import { mergeReport } from '../src/telemetry/merge.js'

/** What an analyst says of a phone, and what was found: `detection subject severity`, sorted. */
export interface PhoneFile {
  readonly name: string
  readonly expected: readonly string[]
  readonly found: readonly string[]
}

/** A rooted Android phone: no installer, the dialogue that installs files, a music player from F-Droid. Not: a system app from no store, and two apps with a bad name that nobody listed. */
export const ANDROID_FINDINGS: readonly string[] = [
  'app-sideloaded app.revanced.manager.flutter medium',
  'app-sideloaded com.whatsapp medium',
  'app-sideloaded org.fdroid.fdroid medium',
  'app-third-party-store org.nuclearfog.apollo audit',
  'dev-root-binary /data/local/tmp/magisk high',
  'dev-root-binary /system/bin/magiskhide high',
  'dev-root-binary /system/bin/su high',
  'dev-root-binary /system/xbin/busybox high'
]
/** Once its two apps are listed: by name alone, and by the signer. */
const LISTED: ReadonlyArray<Pick<IntelEntry, 'type' | 'value' | 'threatClass'>> = [
  { type: 'app-id', value: 'com.malware.blah', threatClass: 'malware' },
  { type: 'cert-sha256', value: 'c7e56178748be1441370416d4c10e34817ea0c961eb636c8e9d98e0fd79bf730', threatClass: 'mercenary-spyware' }
]
/** Closed in iOS 14.4 and 14.8; the phone has 14.3. */
const HOLES = [['CVE-2021-1782', '14.4'], ['CVE-2021-30860', '14.8']] as const
/** CISA's dates for both. */
const KEV = { added: '2021-11-03', due: '2021-11-17' } as const

/** The phones of MVT's own tests; none when the files are not here. */
export function judgePhoneFiles (folder: string): PhoneFile[] {
  if (!existsSync(folder)) return []
  const read = (path: string): string => readFileSync(join(folder, 'androidqf', path), 'utf8')
  const android = fromAndroidQf({
    packages: read('packages.json'), rootBinaries: read('root_binaries.json'), getprop: read('getprop.txt'), settings: [read('settings_random.txt')], processes: read('ps.txt')
  })
  const iphone = fromIosBackup(readFileSync(join(folder, 'ios_backup/Info.plist')))
  const holes = HOLES.map(([cve, fixedIn]): VulnerabilityFact => ({ kind: 'os', cve, platform: 'ios', severity: 'high', exploited: true, kevDateAdded: KEV.added, kevDueDate: KEV.due, fixedIn: [fixedIn], part: null }))
  return [
    { name: 'androidqf', expected: ANDROID_FINDINGS, found: judge('android', android) },
    {
      name: 'androidqf, its apps listed',
      expected: [...ANDROID_FINDINGS, 'app-malware-known com.malware.blah medium', 'app-mercenary-spyware com.malware.muahaha high'].sort(),
      found: judge('android', android, LISTED)
    },
    { name: 'ios_backup', expected: HOLES.map(([cve]) => `os-cve-kev ${cve} high`), found: judge('ios', iphone, [], holes) }
  ]
}

function judge (platform: Platform, sections: ReportSections, listed: typeof LISTED = [], facts: readonly VulnerabilityFact[] = []): string[] {
  const now = new Date('2026-11-23T12:00:00Z')
  const { state } = mergeReport(EMPTY_STATE, { report: { reportId: 'file', sequence: 1, collectedAt: now.toISOString(), ...sections }, receivedAt: now })
  const intel = buildIntelIndex({
    version: 1,
    entries: listed.map((one) => ({ ...one, role: 'artifact', family: 'Listed', feed: 'analyst' })),
    vulnerabilities: facts.map((fact) => ({ feed: 'analyst', bundled: false, fact }))
  })
  return assess({ platform, state, intel, policy: BUILT_IN_POLICY, now }).findings.map(({ detection, subject, severity }) => `${detection} ${subject} ${severity}`).sort()
}
