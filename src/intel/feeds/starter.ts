import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { InvalidInputError } from '../../errors.js'
import { THREAT_CLASSES, type IndicatorRole, type IndicatorType } from '../indicator.js'
import { normalizeValue } from '../normalize.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { parseYaml } from './yaml-document.js'

export const STARTER_FORMAT = 'sallyport-starter/1'

const Values = Type.Optional(Type.Array(Type.String()))
const IsoDate = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })

/** Fields of a family, and what each is. */
const FIELDS: Readonly<Record<string, { readonly type: IndicatorType, readonly role: IndicatorRole }>> = {
  'app-id': { type: 'app-id', role: 'artifact' },
  sha256: { type: 'sha256', role: 'artifact' },
  'cert-sha1': { type: 'cert-sha1', role: 'artifact' },
  'cert-sha256': { type: 'cert-sha256', role: 'artifact' },
  'file-path': { type: 'file-path', role: 'artifact' },
  process: { type: 'process', role: 'artifact' },
  'profile-id': { type: 'profile-id', role: 'artifact' },
  'c2-domain': { type: 'domain', role: 'c2' },
  'c2-ip': { type: 'ipv4', role: 'c2' }
}

const StarterSchema = Type.Object({
  format: Type.Literal(STARTER_FORMAT),
  families: Type.Array(Type.Object({
    name: Type.String({ minLength: 1 }),
    class: Type.Enum([...THREAT_CLASSES]),
    ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, Values]))
  }, { additionalProperties: false })),
  vulnerabilities: Type.Array(Type.Object({
    cve: Type.String({ pattern: '^CVE-\\d{4}-\\d{4,}$' }),
    platforms: Type.Array(Type.Enum(['android', 'ios', 'ipados']), { minItems: 1 }),
    severity: Type.Enum(['critical', 'high', 'medium', 'low']),
    kevDateAdded: IsoDate,
    kevDueDate: IsoDate,
    fixedIn: Type.Array(Type.String({ pattern: '^\\d+(\\.\\d+)*$|^\\d{4}-\\d{2}-\\d{2}$' }), { minItems: 1 }),
    part: Type.Optional(Type.Enum(['platform', 'kernel-vendor']))
  }, { additionalProperties: false }))
}, { additionalProperties: false })

/** The feed that ships with Sallyport, and any file written like it. @throws InvalidInputError naming every fault */
export function parseStarter (text: string): ParsedFeed {
  const data = parseYaml(text)
  if (!Value.Check(StarterSchema, data)) {
    throw new InvalidInputError(Value.Errors(StarterSchema, data).map(({ instancePath, message }) => ({ path: instancePath, message })), 'The starter feed')
  }
  const feed = new FeedCollector()
  for (const family of data.families) addFamily(feed, family)
  for (const { platforms, part, ...rest } of data.vulnerabilities) {
    for (const platform of platforms) feed.addVulnerability({ ...rest, platform, exploited: true, part: part ?? null })
  }
  return feed.finish()
}

export function isStarter (data: unknown): boolean {
  return (data as { format?: unknown } | null)?.format === STARTER_FORMAT
}

function addFamily (feed: FeedCollector, family: Static<typeof StarterSchema>['families'][number]): void {
  for (const [name, { type, role }] of Object.entries(FIELDS)) {
    for (const value of (family as unknown as Record<string, string[] | undefined>)[name] ?? []) {
      const normal = normalizeValue(type, value)
      if (normal === undefined) feed.skip(`${name} holds a value that is none`, value)
      else feed.add({ ...normal, role, threatClass: family.class, family: family.name })
    }
  }
}
