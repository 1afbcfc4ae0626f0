import { Type, type Static, type TSchema } from 'typebox'
import { APP_DIGEST_DESCRIPTION } from './app-digest.js'

/** Limits of one report (contract, "Agents"). */
export const REPORT_LIMITS = {
  sentBytes: 1024 * 1024,
  decodedBytes: 8 * 1024 * 1024,
  apps: 5_000,
  events: 2_000,
  listItems: 5_000,
  stringLength: 2_048,
  batchReports: 100
} as const

const Text = Type.String({ maxLength: REPORT_LIMITS.stringLength })
const Texts = Type.Array(Text, { maxItems: REPORT_LIMITS.listItems })
const Time = Type.String({ format: 'date-time', maxLength: 64 })
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Flag = Type.Boolean()
const Uuid = Type.String({ format: 'uuid' })

/** Every field of a section is optional: absent means unknown, never fine and never bad. */
const section = <T extends Record<string, TSchema>>(properties: T) => Type.Partial(Type.Object(properties))
const oneOf = <const T extends string[]>(...values: T) => Type.Enum(values)

const WifiSecurity = Type.Enum(['open', 'wep', 'wpa', 'wpa2', 'wpa3', 'enterprise'])

export const AppSchema = Type.Intersect([
  Type.Object({ appId: Type.String({ minLength: 1, maxLength: 512 }) }),
  section({
    name: Text,
    version: Text,
    versionCode: Type.Union([Count, Text]),
    sha256: Text,
    sha1: Text,
    md5: Text,
    signingCertSha256: Texts,
    signingCertSha1: Texts,
    signingCertMd5: Texts,
    signingCertSubjects: { ...Texts, description: 'Whom the signing certificates name, as `CN=Android Debug, O=Android, C=US`.' },
    installer: Type.Union([Text, Type.Null()], { description: 'Package name of the installer; null: known to have none.' }),
    installInitiator: { ...Text, description: 'Package that asked for the installation (Android 11+, `InstallSourceInfo`); `com.android.shell`: a computer, by adb.' },
    system: Flag,
    enabled: Flag,
    debuggable: Flag,
    targetSdk: Count,
    launcherIcon: Flag,
    permissions: Texts,
    firstInstalledAt: Time,
    updatedAt: Time,
    adHocSigned: Flag,
    fromAppStore: Flag,
    beta: Flag,
    validated: Flag,
    managed: Flag,
    distributor: { ...Text, description: 'Bundle id of the app that distributes it, such as a marketplace (iOS 17.4+).' },
    updateAvailable: Flag,
    updateAvailableSince: { ...Time, description: 'Since when the store has a newer version than the installed one.' },
    removedFromStore: { ...Flag, description: 'Its store does not offer it any more.' },
    reputation: Type.Integer({ minimum: 0, maximum: 100, description: 'What a reputation service says of it: 0 (nobody else has it, or it is bad) to 100.' })
  })
])
export type App = Static<typeof AppSchema>

export const AppsSchema = Type.Union([
  Type.Object({
    mode: Type.Literal('snapshot'),
    items: Type.Array(AppSchema, { maxItems: REPORT_LIMITS.apps })
  }),
  Type.Object({
    mode: Type.Literal('delta'),
    baseDigest: Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: `Digest of the app list the delta starts from. ${APP_DIGEST_DESCRIPTION}` }),
    upsert: Type.Optional(Type.Array(AppSchema, { maxItems: REPORT_LIMITS.apps })),
    remove: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: REPORT_LIMITS.apps }))
  })
])
export type AppsSection = Static<typeof AppsSchema>

/** An event of a type we do not know is kept and counted, so `type` is open. */
export const EventSchema = Type.Intersect([
  Type.Object({
    eventId: Type.String({ minLength: 1, maxLength: 128 }),
    type: Type.String({ minLength: 1, maxLength: 64 }),
    at: Time
  }),
  section({
    endedAt: Time,
    host: Text,
    responseCode: Type.String({ maxLength: 32, description: 'Of a `dns-query`: the resolver\'s answer by name (RFC 1035, RFC 6895), such as `NOERROR`, `NXDOMAIN`.' }),
    appId: Text,
    ip: Text,
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    url: Text,
    action: Type.String({ maxLength: REPORT_LIMITS.stringLength, description: 'Of pages, queries, connections: `blocked`, `overridden` (the user went on after a warning), `opened`. Of a `sim-change`: `added`, `removed`, `replaced`.' }),
    category: Type.String({ maxLength: 64, description: 'What the agent\'s own filter calls the page: `phishing`, `malware`, …' }),
    sender: Text,
    opened: Flag,
    probeHost: Text,
    expectedSha256: Text,
    observedSha256: Text,
    trustedCa: Flag,
    caSha256: Type.String({ maxLength: 128, description: 'Of the authority that signed what was observed.' }),
    ssid: Text,
    bssid: Text,
    security: WifiSecurity,
    cellId: Text,
    gatewayIp: Text,
    previousMac: Text,
    currentMac: Text,
    expected: Type.Unknown(),
    observed: Type.Unknown(),
    process: Text,
    detail: Text,
    data: { ...Texts, description: 'Of a `data-leak` (sent in clear) and a `personal-data-sent` (without consent): what it was: `card-number`, `password`, `email`, `location`, `user-name`, …' }
  })
])
export type TelemetryEvent = Static<typeof EventSchema>

export const AgentSchema = section({
  version: Text,
  missingPermissions: Texts,
  webProtection: oneOf('on', 'off', 'paused'),
  webProtectionSince: Type.String({ format: 'date-time', maxLength: 64, description: 'Since when web protection is as it is.' }),
  tampered: Flag,
  scope: Type.Enum(['device', 'work-profile'], { description: 'What the agent can see: from within the work profile of a personal phone nothing of the personal side.' }),
  appInventory: Type.Enum(['complete', 'withheld'], { description: '`withheld`: the user or the mode of management refuses the list of apps.' }),
  lastScanAt: { ...Time, description: 'When the agent last looked through the whole phone.' },
  policy: section({
    applied: Text,
    deployed: Text,
    since: { ...Time, description: 'Since when management deploys what is not applied yet.' }
  })
})

export const OsSchema = section({
  version: Text,
  build: Text,
  supplementalBuild: { ...Text, description: 'Build of the Rapid Security Response (since 26: Background Security Improvement); the build itself: none is installed.' },
  supplementalVersion: { ...Text, description: 'Its letter, as `(a)` or `a`.' },
  apiLevel: Count,
  securityPatchLevel: Text,
  bootloaderLocked: Flag,
  verifiedBootState: oneOf('green', 'yellow', 'orange', 'red'),
  testKeys: Flag,
  beta: Flag,
  update: section({ available: Flag, version: Text, security: Flag, since: Time })
})

export const HardwareSchema = section({ manufacturer: Text, model: Text, emulator: Flag })

export const NetworkSchema = section({
  type: oneOf('wifi', 'cellular', 'ethernet', 'none'),
  wifi: section({ ssid: Text, bssid: Text, security: WifiSecurity }),
  gateway: section({ ip: Text, mac: Text }),
  dnsServers: Texts,
  privateDns: oneOf('off', 'opportunistic', 'strict'),
  proxy: Type.Partial(Type.Object({ host: Text, port: Type.Integer({ minimum: 0, maximum: 65_535 }), managed: Flag }), { description: 'Empty: known to have none.' }),
  vpn: section({ active: Flag, managed: Flag, appId: Text })
})

export const ConfigSchema = section({
  passcodeSet: Flag,
  passcodeCompliant: Flag,
  biometrics: Flag,
  autoLockSeconds: Count,
  encryption: oneOf('active', 'default-key', 'inactive', 'unsupported'),
  developerMode: Flag,
  usbDebugging: Flag,
  adbKeys: Count,
  unknownSources: Flag,
  playProtect: Flag,
  selinux: oneOf('enforcing', 'permissive'),
  accessibilityServices: Texts,
  deviceAdmins: Texts,
  notificationListeners: Texts,
  overlayApps: Texts,
  installSources: { ...Texts, description: 'Packages that may install other apps.' },
  defaultSmsApp: { ...Text, description: 'Package that has the role of the SMS app.' },
  keyboards: Type.Array(section({ appId: Text, fullAccess: Flag }), { maxItems: REPORT_LIMITS.listItems }),
  hostsModified: Flag,
  cellular2g: Type.Boolean({ description: 'The phone may use 2G networks.' }),
  bluetooth: Type.Boolean({ description: 'Switched on.' }),
  nfc: Type.Boolean({ description: 'Switched on.' }),
  hotspot: Type.Boolean({ description: 'Shares its connection now.' }),
  managed: Flag,
  managedBy: section({
    organization: Text,
    identifier: { ...Text, description: 'Package of the device or profile owner, host of the MDM server, or identifier of its profile.' }
  }),
  commonCriteria: Flag,
  lockdownMode: Flag
})

export const IntegritySchema = section({
  rooted: Flag,
  jailbroken: Flag,
  reasons: Texts,
  rootBinaries: Texts,
  systemWritable: Flag,
  systemTampered: Flag,
  hooks: Texts,
  attestation: section({
    kind: oneOf('play-integrity', 'key-attestation', 'app-attest'),
    verdict: oneOf('strong', 'device', 'basic', 'failed'),
    at: Time,
    hardwareEvaluation: Type.Enum(['passed', 'failed', 'unsupported'], { description: 'What the phone\'s hardware itself said of its start; `unsupported`: this model has no such part.' }),
    nonceMatches: { ...Flag, description: 'False: the answer is to another question, or of another app, than was asked.' },
    activityLevel: Type.Integer({ minimum: 1, maximum: 4, description: 'Play Integrity\'s recentDeviceActivity: 1 (few requests) to 4 (very many).' })
  }),
  playProtectVerdict: Type.Enum(['no-issues', 'no-data', 'possible-risk', 'medium-risk', 'high-risk'], { description: 'Play Integrity\'s playProtectVerdict; `possible-risk`: Play Protect is off.' }),
  appAccessRisk: Type.Array(Type.Enum(['known-installed', 'known-capturing', 'known-controlling', 'known-overlays', 'unknown-installed', 'unknown-capturing', 'unknown-controlling', 'unknown-overlays']), {
    maxItems: REPORT_LIMITS.listItems, description: 'Play Integrity\'s appAccessRiskVerdict: apps that could see or steer the screen; `known-`: from Google Play or the system.'
  })
})

export const ProfileSchema = section({
  uuid: Text,
  identifier: Text,
  displayName: Text,
  organization: Text,
  managed: Flag,
  removalDisallowed: Flag,
  payloadTypes: Texts
})

export const CertificateSchema = section({
  sha256: Text,
  commonName: Text,
  store: oneOf('user', 'system'),
  isIdentity: Flag
})

export const FileSchema = section({ path: Text, sha256: Text, executable: Flag })

/** One report of an agent (contract, "Report"). Unknown keys are kept with the raw report and ignored. */
export const ReportSchema = Type.Intersect([
  Type.Object({
    reportId: Uuid,
    sequence: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Rises per device.' }),
    collectedAt: Time
  }),
  section({
    agent: AgentSchema,
    os: OsSchema,
    hardware: HardwareSchema,
    apps: AppsSchema,
    network: NetworkSchema,
    config: ConfigSchema,
    integrity: IntegritySchema,
    profiles: Type.Array(ProfileSchema, { maxItems: REPORT_LIMITS.listItems }),
    certificates: Type.Array(CertificateSchema, { maxItems: REPORT_LIMITS.listItems }),
    files: Type.Array(FileSchema, { maxItems: REPORT_LIMITS.listItems }),
    processes: Texts,
    properties: Type.Record(Type.String({ maxLength: 512 }), Text),
    events: Type.Array(EventSchema, { maxItems: REPORT_LIMITS.events })
  })
])
export type Report = Static<typeof ReportSchema>

/** Sections of a report that describe a state; events are apart, because they happen. */
export const STATE_SECTIONS = [
  'agent', 'os', 'hardware', 'apps', 'network', 'config', 'integrity',
  'profiles', 'certificates', 'files', 'processes', 'properties'
] as const
export type StateSection = (typeof STATE_SECTIONS)[number]
