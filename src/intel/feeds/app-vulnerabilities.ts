import { Ajv } from 'ajv'
import { Type, type Static } from 'typebox'
import { InvalidInputError, type FieldFault } from '../../errors.js'
import { normalizeValue } from '../indicators/normalize.js'
import { isRangeEmpty } from '../vulnerabilities/app-vulnerabilities.js'
import { SEVERITIES, type AffectedRange } from '../vulnerabilities/vulnerability.js'
import { parseAppVersion, parseVersionCode } from '../vulnerabilities/versions.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { readReferences, severityOfScore, textOf } from './vulnerability-fields.js'

export const APP_VULNERABILITIES_FORMAT = 'sallyport-app-vulnerabilities/1'

/** YAML takes an unquoted 12 for a number, which is what a version code is. */
const Version = Type.Union([Type.String({ minLength: 1, maxLength: 60 }), Type.Integer({ minimum: 0 })])
const RangeSchema = Type.Object({
  introduced: Type.Optional(Version),
  fixed: Type.Optional(Version),
  lastAffected: Type.Optional(Version),
  versions: Type.Optional(Type.Array(Version, { minItems: 1, maxItems: 1_000 })),
  by: Type.Optional(Type.Enum(['version', 'version-code']))
}, { additionalProperties: false, minProperties: 1 })
const EntrySchema = Type.Object({
  /** App id: package name or bundle id. */
  app: Type.String({ minLength: 1, maxLength: 300 }),
  cve: Type.String({ pattern: '^CVE-\\d{4}-\\d{4,12}$' }),
  severity: Type.Optional(Type.Enum([...SEVERITIES])),
  cvss: Type.Optional(Type.Number({ minimum: 0, maximum: 10 })),
  exploited: Type.Optional(Type.Boolean()),
  ranges: Type.Array(RangeSchema, { minItems: 1, maxItems: 200 }),
  references: Type.Optional(Type.Array(Type.String(), { maxItems: 20 }))
}, { additionalProperties: false })
const FileSchema = Type.Object({
  format: Type.Literal(APP_VULNERABILITIES_FORMAT),
  /** When the list was last changed, a day or a time. */
  updated: Type.Optional(Type.String()),
  vulnerabilities: Type.Array(EntrySchema)
}, { additionalProperties: false })
type Entry = Static<typeof EntrySchema>
type Range = Static<typeof RangeSchema>

export function isAppVulnerabilities (data: unknown): boolean {
  return (data as { format?: unknown } | null)?.format === APP_VULNERABILITIES_FORMAT
}

/** Sallyport's own list of apps' holes. @throws InvalidInputError naming every fault */
export function readAppVulnerabilities (data: unknown): ParsedFeed {
  const ajv = new Ajv({ strict: false, allErrors: true })
  if (!ajv.validate<Static<typeof FileSchema>>(FileSchema, data)) {
    fail((ajv.errors ?? []).map(({ instancePath, message = 'is not valid' }) => ({ path: instancePath, message })))
  }
  const faults: FieldFault[] = []
  for (const [index, entry] of data.vulnerabilities.entries()) {
    if (faults.length < MAX_FAULTS) faults.push(...faultsOf(entry, `/vulnerabilities/${index}`))
  }
  if (faults.length > 0) fail(faults)

  const feed = new FeedCollector()
  for (const { app, cve, severity, cvss, exploited = false, ranges, references = [] } of data.vulnerabilities) {
    feed.addVulnerability({
      kind: 'app',
      cve,
      appId: normalizeValue('app-id', app)!.value,
      severity: severity ?? severityOfScore(cvss),
      ...(cvss === undefined ? {} : { cvss }),
      exploited,
      kevDateAdded: null,
      kevDueDate: null,
      ranges: ranges.map(toRange),
      ...readReferences(references)
    })
  }
  feed.publishedAt(textOf(data.updated))
  return feed.finish()
}

function toRange ({ introduced, fixed, lastAffected, versions, by }: Range): AffectedRange {
  return {
    ...(introduced === undefined ? {} : { introduced: String(introduced) }),
    ...(fixed === undefined ? {} : { fixed: String(fixed) }),
    ...(lastAffected === undefined ? {} : { lastAffected: String(lastAffected) }),
    ...(versions === undefined ? {} : { versions: versions.map(String) }),
    ...(by === 'version-code' ? { by } : {})
  }
}

/** What a schema cannot tell: whether versions can be compared, and a range holds anything. */
function faultsOf ({ app, ranges }: Entry, path: string): FieldFault[] {
  const id = normalizeValue('app-id', app)
  return [
    ...(id === undefined || id.value.includes('*') ? [{ path: `${path}/app`, message: `${app.slice(0, 100)} is no app id` }] : []),
    ...ranges.flatMap((range, index) => {
      const place = `${path}/ranges/${index}`
      const parse = range.by === 'version-code' ? parseVersionCode : parseAppVersion
      const texts = [range.introduced, range.fixed, range.lastAffected, ...range.versions ?? []].filter((text) => text !== undefined)
      const wrong = texts.filter((text) => parse(String(text)) === undefined)
      if (wrong.length > 0) return wrong.map((text) => ({ path: place, message: `${String(text).slice(0, 60)} is no ${range.by ?? 'version'}` }))
      if (texts.length === 0) return [{ path: place, message: 'names no version; all of them is introduced: \'0\'' }]
      return isRangeEmpty(toRange(range)) ? [{ path: place, message: 'ends before it begins' }] : []
    })
  ]
}

function fail (faults: readonly FieldFault[]): never {
  throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The list of apps\' vulnerabilities')
}
