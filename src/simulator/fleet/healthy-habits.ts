import { randomUUID } from 'node:crypto'
import type { App, Report, TelemetryEvent } from '../../telemetry/report.js'
import type { Random } from './random.js'

type Config = NonNullable<Report['config']>
type Integrity = NonNullable<Report['integrity']>
type Certificate = NonNullable<Report['certificates']>[number]
type Profile = NonNullable<Report['profiles']>[number]

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** What the made-up organisation of a healthy fleet declares in its policy; its phones carry it. */
export const ORGANISATION = {
  name: 'Example Ltd',
  authority: '5a'.repeat(32),
  schoolAuthority: '5b'.repeat(32),
  proxy: 'proxy.example.com',
  vpn: 'com.example.securelink',
  apps: 'com.example.work.*',
  store: 'com.example.marketplace',
  accessibility: 'com.example.work.readaloud',
  networks: Array.from({ length: 60 }, (_, office) => `example-office-${office}`)
} as const

/** Real apps that people have, and that look like what criminals use: remote help, networks, texts, overlays. */
const STORE_APPS: ReadonlyArray<readonly [appId: string, name: string, permissions: readonly string[]]> = [
  ['com.whatsapp', 'WhatsApp', ['CAMERA', 'RECORD_AUDIO', 'READ_CONTACTS', 'ACCESS_FINE_LOCATION', 'RECEIVE_SMS', 'READ_PHONE_STATE', 'SYSTEM_ALERT_WINDOW', 'REQUEST_INSTALL_PACKAGES']],
  ['com.facebook.orca', 'Messenger', ['CAMERA', 'RECORD_AUDIO', 'READ_CONTACTS', 'SYSTEM_ALERT_WINDOW']],
  ['org.thoughtcrime.securesms', 'Signal', ['CAMERA', 'RECORD_AUDIO', 'READ_CONTACTS', 'READ_SMS', 'SEND_SMS', 'READ_PHONE_STATE']],
  ['com.google.android.apps.maps', 'Maps', ['ACCESS_FINE_LOCATION', 'ACCESS_BACKGROUND_LOCATION', 'READ_CONTACTS']],
  ['com.google.android.apps.authenticator2', 'Authenticator', ['CAMERA']],
  ['com.azure.authenticator', 'Authenticator', ['CAMERA', 'ACCESS_FINE_LOCATION']],
  ['com.microsoft.teams', 'Teams', ['CAMERA', 'RECORD_AUDIO', 'READ_CONTACTS', 'SYSTEM_ALERT_WINDOW']],
  ['com.life360.android.safetymapd', 'Life360', ['ACCESS_FINE_LOCATION', 'ACCESS_BACKGROUND_LOCATION']],
  ['com.spotify.music', 'Spotify', ['RECORD_AUDIO']],
  ['de.hafas.android.db', 'DB Navigator', ['ACCESS_FINE_LOCATION', 'READ_CALENDAR']],
  ['com.paypal.android.p2pmobile', 'PayPal', ['READ_CONTACTS', 'CAMERA']],
  ['com.truecaller', 'Truecaller', ['READ_CALL_LOG', 'READ_CONTACTS', 'READ_PHONE_STATE', 'READ_SMS', 'RECEIVE_SMS', 'SEND_SMS', 'SYSTEM_ALERT_WINDOW']],
  ['com.samsung.android.oneconnect', 'SmartThings', ['ACCESS_FINE_LOCATION']],
  ['org.mozilla.firefox', 'Firefox', ['CAMERA', 'RECORD_AUDIO', 'REQUEST_INSTALL_PACKAGES']],
  ['com.dropbox.android', 'Dropbox', ['READ_CONTACTS', 'CAMERA']],
  ['com.zhiliaoapp.musically', 'TikTok', ['CAMERA', 'RECORD_AUDIO', 'READ_CONTACTS']],
  ['com.adobe.reader', 'Adobe Acrobat', []]
]
const ACCESSIBILITY = [
  'com.google.android.marvin.talkback/com.google.android.marvin.talkback.TalkBackService', 'com.google.android.marvin.talkback/com.google.android.accessibility.selecttospeak.SelectToSpeakService',
  'com.x8bit.bitwarden/com.x8bit.bitwarden.Accessibility.AccessibilityService', 'com.onepassword.android/com.onepassword.android.autofill.AccessibilityService', 'com.lastpass.lpandroid/.service.accessibility.LPAccessibilityService',
  'com.dashlane/.accessibility.DashlaneAccessibilityService', 'com.google.audio.hearing.visualization.accessibility.scribe/.LiveTranscribe', 'com.example.work.readaloud/.ReaderService', 'com.microsoft.scmx/.features.dashboard.service.DefenderAccessibility'
] as const
const KEYBOARDS = { android: ['com.google.android.inputmethod.latin', 'com.touchtype.swiftkey', 'com.samsung.android.honeyboard', 'helium314.keyboard'], ios: ['com.google.keyboard.KeyboardExtension', 'com.touchtype.swiftkey.keyboard', 'com.grammarly.keyboard.extension'] } as const
const LISTENERS = ['com.garmin.android.apps.connectmobile', 'com.google.android.projection.gearhead/.GhNotificationListener', 'com.google.android.apps.wear.companion', 'com.microsoft.appmanager', 'com.fitbit.FitbitMobile'] as const
const HOSTS = [
  'www.google.com', 'connectivitycheck.gstatic.com', 'mtalk.google.com', 'graph.facebook.com', 'github.com', 'raw.githubusercontent.com', 'gateway.icloud.com', 'captive.apple.com', 'api.telegram.org', 's3.amazonaws.com',
  'd1x8q2k9zv7wtl.cloudfront.net', 'a1832.dscg2.akamai.net', 'rr4---sn-4g5e6nzs.googlevideo.com', 'e1.whatsapp.net', 'outlook.office365.com', 'settings-win.data.microsoft.com', 'firebaseinstallations.googleapis.com', 'xp2qk7.execute-api.eu-central-1.amazonaws.com'
] as const
const PAGES = ['https://www.bank.example/login', 'https://sites.google.com/view/team-lunch', 'https://docs.google.com/forms/d/e/1FAI/viewform', 'https://bit.ly/3xYz', 'https://github.com/example/project/releases/download/v1/app.apk', 'https://login.microsoftonline.com/common/oauth2/authorize'] as const

const permission = (name: string): string => `android.permission.${name}`
const storeApp = ([appId, name, permissions]: (typeof STORE_APPS)[number], version: number): App => ({
  appId, name, installer: 'com.android.vending', system: false, launcherIcon: true, targetSdk: 34, version: `${version}.0`, permissions: permissions.map(permission)
})

/**
 * A whole report of a healthy phone, with what healthy phones have that alarms bad rules: help for
 * people with disabilities, managers of passwords, companies' authorities and proxies, keyboards,
 * other stores, profiles of universities, patches that wait. What is let out of it is healthy as well.
 */
export function withHabits (report: Report, random: Random, nowMs: number): Report {
  return report.integrity?.jailbroken === undefined ? withAndroidHabits(report, random, nowMs) : withAppleHabits(report, random, nowMs)
}

function withAndroidHabits (report: Report, random: Random, nowMs: number): Report {
  const apps = report.apps?.mode === 'snapshot' ? report.apps.items : []
  const extra = STORE_APPS.filter(() => random.chance(0.35)).map((one) => storeApp(one, 1 + random.below(30)))
  // The firmware's apps have no installer, read texts, hide from the launcher, and some carry the test keys of Android.
  const firmware: App[] = [
    { appId: 'com.android.mms.service', system: true, installer: null, permissions: [permission('READ_SMS'), permission('SEND_SMS')], launcherIcon: false },
    { appId: 'com.maker.diagnostics', system: true, installer: null, permissions: [permission('SYSTEM_ALERT_WINDOW'), permission('REQUEST_INSTALL_PACKAGES')], launcherIcon: false, signingCertSha1: ['61ed377e85d386a8dfee6b864bd85b0bfaa5af81'] },
    { appId: 'com.maker.webview.stub', system: true, enabled: false, installer: null, targetSdk: 19 }
  ]
  const work: App[] = random.chance(0.6) ? [{ appId: 'com.example.work.field', managed: true, system: false, installer: 'com.microsoft.windowsintune.companyportal', debuggable: random.chance(0.2), launcherIcon: true }] : []
  if (random.chance(0.1)) work.push({ appId: 'com.example.work.beta', system: false, installer: null, launcherIcon: true })
  if (random.chance(0.12)) work.push({ appId: 'org.fdroid.example.podcasts', system: false, installer: 'org.fdroid.fdroid', launcherIcon: true, targetSdk: 30 })
  if (random.chance(0.15)) work.push({ appId: 'com.maker.galaxytheme', system: false, installer: 'com.sec.android.app.samsungapps', launcherIcon: false, managed: true })
  const installed = [...apps, ...extra, ...firmware, ...work]
  const isWorkProfile = random.chance(0.2)
  return {
    ...report,
    agent: { ...report.agent, ...(isWorkProfile ? { scope: 'work-profile', ...(random.chance(0.3) ? { appInventory: 'withheld' } : {}) } : { lastScanAt: ago(nowMs, random.below(5) * DAY_MS) }), missingPermissions: [] },
    os: { ...report.os, testKeys: false, beta: false, ...(random.chance(0.3) ? { update: { available: true, security: true, since: ago(nowMs, random.below(12) * DAY_MS) } } : {}) },
    apps: { mode: 'snapshot', items: isWorkProfile ? installed.filter(() => random.chance(0.3)) : installed },
    config: { ...report.config, ...androidConfig(random) },
    integrity: { ...report.integrity, ...androidIntegrity(random, nowMs) },
    certificates: certificatesOf(random),
    files: random.chance(0.1) ? [{ path: '/sdcard/Download/invoice.pdf', sha256: random.hex(64) }, { path: '/sdcard/Download/app-release.apk', sha256: random.hex(64) }] : [],
    processes: ['system_server', 'com.android.systemui', 'surfaceflinger', 'zygote64', 'com.google.android.gms.persistent'],
    network: withNetworkHabits(report.network, random)
  }
}

function androidConfig (random: Random): Config {
  const pick = (from: readonly string[], share: number): string[] => from.filter(() => random.chance(share))
  return {
    passcodeCompliant: true,
    accessibilityServices: pick(ACCESSIBILITY, 0.15),
    deviceAdmins: random.chance(0.6) ? ['com.microsoft.windowsintune.companyportal/.omadm.client.PolicyManagerReceiver', ...pick(['com.microsoft.office.outlook', 'com.google.android.gm'], 0.2)] : [],
    notificationListeners: pick(LISTENERS, 0.2),
    overlayApps: pick(['com.samsung.accessibility', 'com.x8bit.bitwarden', 'com.microsoft.scmx'], 0.2),
    installSources: pick(['org.mozilla.firefox', 'org.fdroid.fdroid'], 0.1),
    defaultSmsApp: random.pick(['com.google.android.apps.messaging', 'com.samsung.android.messaging']),
    keyboards: [{ appId: random.pick(KEYBOARDS.android), fullAccess: true }],
    developerMode: random.chance(0.05),
    adbKeys: random.chance(0.03) ? 1 : 0,
    hostsModified: false,
    bluetooth: true,
    nfc: random.chance(0.5),
    hotspot: random.chance(0.03),
    managed: true,
    managedBy: { organization: ORGANISATION.name, identifier: 'com.microsoft.windowsintune.companyportal' }
  }
}

function androidIntegrity (random: Random, nowMs: number): Integrity {
  return {
    rooted: false,
    reasons: [],
    systemWritable: false,
    systemTampered: false,
    hooks: [],
    attestation: {
      kind: 'play-integrity', verdict: random.pick(['strong', 'device', 'device']), at: ago(nowMs, random.below(20) * DAY_MS), nonceMatches: true,
      hardwareEvaluation: random.pick(['passed', 'passed', 'unsupported']), activityLevel: 1 + random.below(3)
    },
    playProtectVerdict: random.pick(['no-issues', 'no-data']),
    appAccessRisk: random.chance(0.3) ? ['known-installed', 'unknown-installed', ...(random.chance(0.2) ? ['known-overlays' as const] : [])] : ['known-installed']
  }
}

/** The organisation's authority, a school's that it declares, and the phone's own certificate for Wi-Fi. */
function certificatesOf (random: Random): Certificate[] {
  return [
    ...(random.chance(0.4) ? [{ sha256: ORGANISATION.authority.toUpperCase(), commonName: 'Example Ltd Root CA', store: 'user', isIdentity: false } as const] : []),
    ...(random.chance(0.1) ? [{ sha256: ORGANISATION.schoolAuthority, commonName: 'Example University CA', store: 'user', isIdentity: false } as const] : []),
    ...(random.chance(0.5) ? [{ sha256: random.hex(64), commonName: 'device', store: 'user', isIdentity: true } as const] : []),
    { sha256: random.hex(64), commonName: 'ISRG Root X1', store: 'system', isIdentity: false }
  ]
}

function withNetworkHabits (network: Report['network'], random: Random): NonNullable<Report['network']> {
  return {
    ...network,
    privateDns: random.pick(['opportunistic', 'opportunistic', 'strict']),
    proxy: random.chance(0.1) ? { host: ORGANISATION.proxy, port: 8080, managed: false } : {},
    ...(random.chance(0.25) ? { vpn: { active: true, managed: random.chance(0.7), appId: ORGANISATION.vpn } } : {})
  }
}

function withAppleHabits (report: Report, random: Random, nowMs: number): Report {
  const apps = report.apps?.mode === 'snapshot' ? report.apps.items : []
  const extra: App[] = [
    ...(random.chance(0.2) ? [{ appId: 'com.example.work.testflight', name: 'Field (beta)', beta: true, fromAppStore: false, validated: true }] : []),
    ...(random.chance(0.5) ? [{ appId: 'com.example.work.field', managed: true, fromAppStore: false, adHocSigned: false, validated: random.chance(0.9) }] : []),
    ...(random.chance(0.1) ? [{ appId: 'com.example.work.prototype', managed: true, adHocSigned: true, fromAppStore: false, debuggable: true }] : []),
    ...(random.chance(0.05) ? [{ appId: 'org.example.emulator', distributor: ORGANISATION.store, fromAppStore: false, validated: true, managed: false }] : []),
    { appId: 'net.whatsapp.WhatsApp', name: 'WhatsApp', fromAppStore: true, distributor: 'com.apple.AppStore', updateAvailable: true, updateAvailableSince: ago(nowMs, random.below(20) * DAY_MS) }
  ]
  const profiles: Profile[] = [
    { uuid: randomUUID(), identifier: 'com.microsoft.intune.mdm', displayName: 'Management Profile', organization: ORGANISATION.name, managed: true, removalDisallowed: false, payloadTypes: ['com.apple.mdm', 'com.apple.security.root'] },
    ...(random.chance(0.15) ? [{ uuid: randomUUID(), identifier: 'org.eduroam.example', displayName: 'eduroam', organization: 'Example University', managed: false, removalDisallowed: false, payloadTypes: ['com.apple.wifi.managed', 'com.apple.security.root'] }] : []),
    ...(random.chance(0.1) ? [{ uuid: randomUUID(), identifier: 'example.resolver.dns', displayName: 'DNS over TLS', organization: 'Example Resolver', managed: false, removalDisallowed: false, payloadTypes: ['com.apple.dnsSettings.managed'] }] : []),
    ...(random.chance(0.1) ? [{ uuid: randomUUID(), identifier: 'com.example.webclip', displayName: 'Canteen', organization: ORGANISATION.name, managed: false, removalDisallowed: false, payloadTypes: ['com.apple.webClip.managed'] }] : [])
  ]
  return {
    ...report,
    os: { ...report.os, ...(random.chance(0.2) ? { update: { available: true, security: true, since: ago(nowMs, random.below(10) * DAY_MS) } } : {}) },
    apps: { mode: 'snapshot', items: [...apps, ...extra] },
    config: { ...report.config, passcodeCompliant: true, keyboards: KEYBOARDS.ios.filter(() => random.chance(0.3)).map((appId) => ({ appId, fullAccess: true })), managed: true, managedBy: { organization: ORGANISATION.name }, hotspot: random.chance(0.05), lockdownMode: random.chance(0.01) },
    integrity: { jailbroken: false, reasons: [], ...(random.chance(0.7) ? { attestation: { kind: 'app-attest', verdict: 'strong', at: ago(nowMs, random.below(20) * DAY_MS) } as const } : {}) },
    certificates: certificatesOf(random),
    profiles,
    network: withNetworkHabits(report.network, random)
  }
}

/** What happens to healthy phones in a day and is no attack. */
export function harmlessEvents (random: Random, at: string): TelemetryEvent[] {
  const event = (type: string, rest: object = {}): TelemetryEvent => ({ eventId: randomUUID(), type, at, ...rest })
  const kinds: ReadonlyArray<() => TelemetryEvent[]> = [
    () => Array.from({ length: 1 + random.below(5) }, () => event('dns-query', { host: random.pick(HOSTS), responseCode: 'NOERROR' })),
    // Chrome asks for three names that do not exist to find out whether the network lies.
    () => Array.from({ length: 3 }, () => event('dns-query', { host: random.hex(10), responseCode: 'NXDOMAIN' })),
    () => [event('connection', { host: random.pick(HOSTS), port: 443 })],
    () => [event('connection', { ip: `10.1.${random.below(250)}.${random.below(250)}`, port: 443, appId: 'com.microsoft.teams' })],
    () => [event('url-visit', { url: random.pick(PAGES), action: 'opened' })],
    () => [event('message-link', { url: random.pick(PAGES), opened: random.chance(0.5), sender: '+491700000000' })],
    () => [event('captive-portal', { ssid: 'Hotel' }), event('certificate-validation-failure', { host: 'mail.example.com', ssid: 'Hotel' })],
    () => Array.from({ length: 1 + random.below(3) }, () => event('auth-failure')),
    () => [event('app-removed', { appId: 'example.vendor.games1' })],
    () => [event('gateway-change', { gatewayIp: '192.168.1.1' })],
    () => [event('url-visit', { url: 'https://casino.example/', action: 'blocked' })],
    () => [event('crash', { process: 'com.android.chrome' })],
    () => [event('sim-change', { action: 'added' })]
  ]
  return random.pick(kinds)()
}

const ago = (nowMs: number, ms: number): string => new Date(nowMs - ms).toISOString()
