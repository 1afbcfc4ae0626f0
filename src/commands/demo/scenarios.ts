import type { Report } from '../../telemetry/report.js'
import type { Level } from '../../risk/level.js'

/** The resources whose access the demo shows. */
export const RESOURCES = ['exchange', 'sharepoint', 'onedrive', 'wifi', 'companyApps'] as const
export type Resource = (typeof RESOURCES)[number]

type Sections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>

export interface Step {
  /** What happens to the phone, as a person would tell it. */
  readonly says: string
  /** What its agent reports then; called with the time of the report (ISO 8601). */
  readonly report: (at: string) => Sections
  readonly expect: {
    readonly level: Level
    /** Detections that must be open, exactly. */
    readonly detections: readonly string[]
    readonly access: 'granted' | 'blocked'
  }
}

export interface Scenario {
  readonly id: string
  readonly title: string
  readonly phone: { readonly platform: 'android' | 'ios', readonly osVersion: string, readonly manufacturer: string, readonly model: string }
  /** The resource the story is about; the others follow the same verdict. */
  readonly about: readonly Resource[]
  readonly steps: readonly Step[]
}

const DAY_MS = 24 * 60 * 60 * 1000
const recentPatchLevel = (at: string): string => new Date(Date.parse(at) - 30 * DAY_MS).toISOString().slice(0, 8) + '05'

const ORDINARY_APPS = [
  { appId: 'com.microsoft.office.outlook', name: 'Outlook', installer: 'com.android.vending', system: false },
  { appId: 'com.microsoft.teams', name: 'Teams', installer: 'com.android.vending', system: false },
  { appId: 'org.mozilla.firefox', name: 'Firefox', installer: 'com.android.vending', system: false }
]

const HOME_WIFI = { type: 'wifi' as const, wifi: { ssid: 'home', bssid: '3c:84:6a:01:02:03', security: 'wpa3' as const } }
const CAFE_WIFI = { type: 'wifi' as const, wifi: { ssid: 'Cafe Aurora', bssid: '00:13:37:a5:b6:c7', security: 'open' as const } }

const healthyAndroid = (at: string): Sections => ({
  os: { version: '15', apiLevel: 35, securityPatchLevel: recentPatchLevel(at), bootloaderLocked: true, verifiedBootState: 'green' },
  apps: { mode: 'snapshot', items: ORDINARY_APPS },
  network: HOME_WIFI,
  config: { passcodeSet: true, encryption: 'active', usbDebugging: false, playProtect: true },
  integrity: { rooted: false, rootBinaries: [] },
  certificates: []
})

const healthyIphone = (version: string): Sections => ({
  os: { version },
  network: HOME_WIFI,
  config: { passcodeSet: true },
  integrity: { jailbroken: false },
  profiles: []
})

const fine = { level: 'secured', detections: [], access: 'granted' } as const

const interceptionStory = (id: string, title: string, about: readonly Resource[]): Scenario => {
  let startedAt = ''
  const interception = (endedAt?: string): NonNullable<Sections['events']>[number] => ({
    eventId: `${id}-1`,
    type: 'tls-interception',
    at: startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    probeHost: 'login.microsoftonline.com',
    expectedSha256: 'b5'.repeat(32),
    observedSha256: 'e1'.repeat(32),
    trustedCa: false,
    ssid: CAFE_WIFI.wifi.ssid,
    bssid: CAFE_WIFI.wifi.bssid
  })
  return {
    id,
    title,
    phone: { platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 9' },
    about,
    steps: [
      { says: 'The phone is on the Wi-Fi at home.', report: healthyAndroid, expect: fine },
      {
        says: 'In a café, somebody on the Wi-Fi opens the phone\'s encrypted connections.',
        report: (at) => {
          startedAt = at
          return { network: CAFE_WIFI, events: [interception()] }
        },
        expect: { level: 'high', detections: ['net-tls-interception'], access: 'blocked' }
      },
      {
        says: 'The user leaves that network; the agent sees the true certificates again.',
        report: (at) => ({ network: HOME_WIFI, events: [interception(at)] }),
        expect: fine
      }
    ]
  }
}

/** The contract's scenarios. Package, certificate, versions and CVEs are real and stand in the starter feed. */
export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'malicious-app',
    title: 'A malicious app',
    phone: { platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 9' },
    about: ['exchange', 'onedrive', 'companyApps'],
    steps: [
      { says: 'The phone as it should be.', report: healthyAndroid, expect: fine },
      {
        says: 'Somebody with access to the phone installs a stalkerware app.',
        report: (at) => ({
          apps: {
            mode: 'snapshot',
            items: [...ORDINARY_APPS, {
              appId: 'com.systemservice',
              name: 'System Service',
              installer: 'com.android.vending',
              system: false,
              signingCertSha1: ['31a6ececd97cf39bc4126b8745cd94a7c30bf81c'],
              firstInstalledAt: at
            }]
          }
        }),
        expect: { level: 'high', detections: ['app-stalkerware'], access: 'blocked' }
      },
      {
        says: 'With help, the user removes the app.',
        report: () => ({ apps: { mode: 'snapshot', items: ORDINARY_APPS } }),
        expect: fine
      }
    ]
  },
  interceptionStory('network-wifi', 'A hostile network, and the company Wi-Fi', ['wifi']),
  interceptionStory('network-sharepoint', 'A hostile network, and file synchronisation', ['sharepoint', 'onedrive']),
  {
    id: 'jailbreak',
    title: 'A jailbroken iPhone',
    phone: { platform: 'ios', osVersion: '26.6.1', manufacturer: 'Apple', model: 'iPhone17,1' },
    about: ['exchange', 'companyApps'],
    steps: [
      { says: 'The iPhone as it should be.', report: () => healthyIphone('26.6.1'), expect: fine },
      {
        says: 'The user jailbreaks it.',
        report: () => ({ integrity: { jailbroken: true, reasons: ['writable system volume', 'package manager present'] } }),
        expect: { level: 'high', detections: ['dev-jailbroken'], access: 'blocked' }
      },
      {
        says: 'IT restores the iPhone with a computer.',
        report: () => ({ integrity: { jailbroken: false, reasons: [] } }),
        expect: fine
      }
    ]
  },
  {
    id: 'exploited-ios',
    title: 'An iPhone behind on updates that attackers exploit',
    phone: { platform: 'ios', osVersion: '18.6.1', manufacturer: 'Apple', model: 'iPhone16,2' },
    about: ['exchange', 'sharepoint'],
    steps: [
      {
        says: 'The iPhone still runs iOS 18.6.1; attackers use holes that later versions close.',
        report: () => healthyIphone('18.6.1'),
        expect: { level: 'high', detections: ['os-cve-kev'], access: 'blocked' }
      },
      { says: 'The user installs the update.', report: () => ({ os: { version: '26.6.1' } }), expect: fine }
    ]
  },
  {
    id: 'user-ca',
    title: 'A root certificate that somebody installed',
    phone: { platform: 'android', osVersion: '15', manufacturer: 'Samsung', model: 'Galaxy S24' },
    about: ['exchange', 'companyApps'],
    steps: [
      { says: 'The phone as it should be.', report: healthyAndroid, expect: fine },
      {
        says: 'The user follows a web page and installs its root certificate.',
        report: () => ({ certificates: [{ sha256: 'c0ffee'.repeat(10) + 'c0ff', commonName: 'Free Wi-Fi Root CA', store: 'user', isIdentity: false }] }),
        expect: { level: 'medium', detections: ['net-user-ca'], access: 'blocked' }
      },
      { says: 'The user removes the certificate.', report: () => ({ certificates: [] }), expect: fine }
    ]
  }
]
