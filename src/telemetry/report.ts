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
    installer: Type.Union([Text, Type.Null()], { description: 'Package name of the installer; null: known to have none.' }),
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
    distributor: Text,
    updateAvailable: Flag
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
    appId: Text,
    ip: Text,
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    url: Text,
    action: Text,
    sender: Text,
    opened: Flag,
    probeHost: Text,
    expectedSha256: Text,
    observedSha256: Text,
    trustedCa: Flag,
    ssid: Text,
    bssid: Text,
    gatewayIp: Text,
    previousMac: Text,
    currentMac: Text,
    expected: Type.Unknown(),
    observed: Type.Unknown(),
    process: Text,
    detail: Text
  })
])
export type TelemetryEvent = Static<typeof EventSchema>

export const AgentSchema = section({
  version: Text,
  missingPermissions: Texts,
  webProtection: oneOf('on', 'off', 'paused'),
  tampered: Flag
})

export const OsSchema = section({
  version: Text,
  build: Text,
  supplementalBuild: Text,
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
  wifi: section({ ssid: Text, bssid: Text, security: oneOf('open', 'wep', 'wpa', 'wpa2', 'wpa3', 'enterprise') }),
  gateway: section({ ip: Text, mac: Text }),
  dnsServers: Texts,
  privateDns: oneOf('off', 'opportunistic', 'strict'),
  proxy: section({ host: Text, port: Type.Integer({ minimum: 0, maximum: 65_535 }), managed: Flag }),
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
  keyboards: Type.Array(section({ appId: Text, fullAccess: Flag }), { maxItems: REPORT_LIMITS.listItems }),
  hostsModified: Flag,
  managed: Flag,
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
    at: Time
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

export const FileSchema = section({ path: Text, sha256: Text })

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
