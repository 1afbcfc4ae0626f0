import { Type, type Static, type TSchema } from 'typebox'
import { SEVERITIES } from '../level.js'
import { THRESHOLDS } from './thresholds.js'

/** Limits of one document. */
export const POLICY_LIMITS = { bytes: 1024 * 1024, listItems: 10_000, stringLength: 2_048, groups: 200 } as const

const closed = { additionalProperties: false } as const
const text = (maxLength: number = POLICY_LIMITS.stringLength) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000\\ud800-\\udfff]*$' })
const list = <T extends TSchema>(item: T) => Type.Array(item, { maxItems: POLICY_LIMITS.listItems })
const table = <T extends TSchema>(value: T) => Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{1,63}$' }), value, closed)
const some = <T extends Record<string, TSchema>>(members: T) => Type.Object(Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, Type.Optional(schema)])) as { [K in keyof T]: ReturnType<typeof Type.Optional<T[K]>> }, closed)
const flag = Type.Boolean()
const Version = Type.String({ pattern: '^\\d{1,9}(\\.\\d{1,9}){0,5}$', description: 'Numbers and dots.' })
const Security = Type.Enum(['open', 'wep', 'wpa', 'wpa2', 'wpa3', 'enterprise'])
const Digest = Type.String({ maxLength: 200, description: 'In hex, colons or not.' })

const AppRuleSchema = Type.Union([
  text(512),
  some({ appId: text(512), hash: Digest, certificate: Digest, name: text(512), namePattern: text(1_000) })
])

/** What a policy may say of phones, for all of them or for a group. */
const PARTS = {
  severities: table(Type.Enum(['off', ...SEVERITIES])),
  thresholds: some(Object.fromEntries(Object.entries(THRESHOLDS).map(([name, { minimum, maximum, description }]) => [name, Type.Number({ minimum, maximum, description })]))),
  versions: some({
    minimum: some({ android: Version, ios: Version, ipados: Version, agent: Version }),
    maximum: some({ android: Version, ios: Version, ipados: Version })
  }),
  models: some({ allow: list(text(200)) }),
  eventLifetimes: table(Type.Number({ minimum: 1, maximum: 7 * 24 * 60 * 60, description: 'Seconds; events are kept for seven days.' })),
  grace: table(Type.Number({ minimum: 0, maximum: 365, description: 'Days.' })),
  quiet: table(Type.Number({ minimum: 0, maximum: 365, description: 'Days.' })),
  apps: some({
    allow: list(AppRuleSchema),
    deny: list(AppRuleSchema),
    onlyAllowed: flag,
    signers: Type.Record(Type.String({ minLength: 1, maxLength: 512 }), list(Digest)),
    stores: list(text(512))
  }),
  domains: some({ allow: list(text(255)), deny: list(text(255)) }),
  certificates: some({ allow: list(Digest) }),
  networks: some({
    trusted: list(Type.Object({ ssid: text(32), bssids: Type.Optional(list(text(32))), security: Type.Optional(Security) }, closed)),
    deny: list(some({ ssid: text(32), bssid: text(32) })),
    minimumSecurity: Security
  }),
  radios: some({ deny: list(Type.Enum(['bluetooth', 'nfc', 'hotspot'])) }),
  proxies: some({ allow: list(text(300)) }),
  vpns: some({ allow: list(text(512)) }),
  accessibility: some({ allow: list(text(1_000)) }),
  management: some({ organizations: list(text(200)), profiles: list(text(512)) }),
  requirements: some({ lockdownMode: flag, biometrics: flag, vpn: flag, managed: flag, privateDns: flag, commonCriteria: flag }),
  locked: list(text(64))
} as const

export const PolicyGroupSchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000\\ud800-\\udfff]*$' }),
  extends: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Another group, whose policy lies beneath.' })),
  match: Type.Optional(some({
    platform: list(Type.Enum(['android', 'ios', 'ipados'])),
    ownership: Type.Enum(['corporate', 'personal']),
    entraGroups: list(text(256)),
    tags: list(text(100))
  })),
  policy: Type.Optional(some(PARTS))
}, closed)

/** A tenant's policy as it is written: what differs from the one that is built in, and groups of phones. */
export const PolicyDocumentSchema = Type.Object({
  version: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'The version that its author started from.' })),
  ...some(PARTS).properties,
  groups: Type.Optional(Type.Array(PolicyGroupSchema, { maxItems: POLICY_LIMITS.groups }))
}, closed)

export type PolicyGroup = Static<typeof PolicyGroupSchema>
export type PolicyDocument = Static<typeof PolicyDocumentSchema>
