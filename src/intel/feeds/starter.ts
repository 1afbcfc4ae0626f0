import { Ajv } from 'ajv'
import { Type, type Static } from 'typebox'
import { InvalidInputError, type FieldFault } from '../../errors.js'
import { THREAT_CLASSES, type IndicatorRole, type IndicatorType } from '../indicators/indicator.js'
import { parsePatchLevel, parseVersion } from '../vulnerabilities/versions.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { parseYaml } from './yaml-document.js'

export const STARTER_FORMAT = 'sallyport-starter/1'

/** Fields of a family, and what each is. */
const FIELDS = {
  'app-id': { type: 'app-id', role: 'artifact' },
  sha256: { type: 'sha256', role: 'artifact' },
  'cert-sha1': { type: 'cert-sha1', role: 'artifact' },
  'cert-sha256': { type: 'cert-sha256', role: 'artifact' },
  'file-path': { type: 'file-path', role: 'artifact' },
  process: { type: 'process', role: 'artifact' },
  'profile-id': { type: 'profile-id', role: 'artifact' },
  'c2-domain': { type: 'domain', role: 'c2' },
  'c2-ip': { type: 'ipv4', role: 'c2' }
} as const satisfies Record<string, { readonly type: IndicatorType, readonly role: IndicatorRole }>
type FieldName = keyof typeof FIELDS
const FIELD_NAMES = Object.keys(FIELDS) as FieldName[]

const Values = Type.Optional(Type.Array(Type.String()))
const IsoDate = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })

const FamilySchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  class: Type.Enum([...THREAT_CLASSES]),
  ...Object.fromEntries(FIELD_NAMES.map((name) => [name, Values])) as Record<FieldName, typeof Values>
}, { additionalProperties: false })
const VulnerabilitySchema = Type.Object({
  cve: Type.String({ pattern: '^CVE-\\d{4}-\\d{4,}$' }),
  severity: Type.Enum(['critical', 'high', 'medium', 'low']),
  kevDateAdded: IsoDate,
  kevDueDate: IsoDate,
  /** iPhones and iPads have branches of their own, so each has its list; the Android one is a patch level. */
  ios: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  ipados: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  android: Type.Optional(Type.String()),
  part: Type.Optional(Type.Enum(['platform', 'kernel-vendor']))
}, { additionalProperties: false })
const StarterSchema = Type.Object({
  format: Type.Literal(STARTER_FORMAT),
  families: Type.Array(FamilySchema),
  /** Exploited ones; another feed tells of the rest. */
  vulnerabilities: Type.Array(VulnerabilitySchema)
}, { additionalProperties: false })
type StarterVulnerability = Static<typeof VulnerabilitySchema>

/** The feed that ships with Sallyport, and any file written like it. @throws InvalidInputError naming every fault */
export function parseStarter (text: string): ParsedFeed {
  return readStarter(parseYaml(text))
}

/** The same from data that was already read. */
export function readStarter (data: unknown): ParsedFeed {
  const ajv = new Ajv({ strict: false, allErrors: true })
  if (!ajv.validate<Static<typeof StarterSchema>>(StarterSchema, data)) {
    fail((ajv.errors ?? []).map(({ instancePath, message = 'is not valid' }) => ({ path: instancePath, message })))
  }
  const faults = data.vulnerabilities.flatMap((vulnerability, index) => faultsOf(vulnerability, `/vulnerabilities/${index}`))
  if (faults.length > 0) fail(faults)

  const feed = new FeedCollector()
  for (const family of data.families) {
    for (const name of FIELD_NAMES) {
      const { type, role } = FIELDS[name]
      for (const value of family[name] ?? []) feed.addValue(type, value, { role, threatClass: family.class, family: family.name }, name)
    }
  }
  for (const { ios, ipados, android, part, ...rest } of data.vulnerabilities) {
    const common = { ...rest, kind: 'os', exploited: true, part: null } as const
    if (ios !== undefined) feed.addVulnerability({ ...common, platform: 'ios', fixedIn: ios })
    if (ipados !== undefined) feed.addVulnerability({ ...common, platform: 'ipados', fixedIn: ipados })
    if (android !== undefined) feed.addVulnerability({ ...common, platform: 'android', fixedIn: [android], part: part ?? null })
  }
  return feed.finish()
}

export function isStarter (data: unknown): boolean {
  return (data as { format?: unknown } | null)?.format === STARTER_FORMAT
}

/** What a pattern cannot tell: whether a day is in the calendar, and a version one that can be compared. */
function faultsOf ({ kevDateAdded, kevDueDate, ios = [], ipados = [], android }: StarterVulnerability, path: string): FieldFault[] {
  return [
    ...[kevDateAdded, kevDueDate].filter((day) => parsePatchLevel(day) === undefined).map((day) => ({ path, message: `${day} is no day` })),
    ...[...ios, ...ipados].filter((version) => parseVersion(version) === undefined).map((version) => ({ path, message: `${version} is no version` })),
    ...(android === undefined || parsePatchLevel(android) !== undefined ? [] : [{ path, message: `${android} is no patch level` }])
  ]
}

function fail (faults: readonly FieldFault[]): never {
  throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The starter feed')
}
