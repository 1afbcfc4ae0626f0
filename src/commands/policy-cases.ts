import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import { Type, type Static } from 'typebox'
import { parseDocument } from 'yaml'
import { INDICATOR_ROLES, INDICATOR_TYPES, THREAT_CLASSES } from '../intel/indicators/indicator.js'
import { DETECTIONS } from '../risk/detections/index.js'
import { LEVELS } from '../risk/level.js'
import { PLATFORMS } from '../telemetry/device-state.js'
import { AppSchema, ReportSchema, type Report } from '../telemetry/report.js'

const MAX_FAULTS = 200
const Text = Type.String({ minLength: 1, maxLength: 512 })
const Texts = Type.Array(Text)
const Time = Type.String({ format: 'date-time' })

/** What a phone tells: a report without its number and time, apps as the whole list, events that have just happened. */
const ToldSchema = Type.Object({ apps: Type.Optional(Type.Array(AppSchema)), events: Type.Optional(Type.Array(Type.Object({ type: Text }))) })

const CaseSchema = Type.Object({
  name: Text,
  platform: Type.Enum([...PLATFORMS]),
  ownership: Type.Optional(Type.Enum(['corporate', 'personal'])),
  tags: Type.Optional(Texts),
  entraGroups: Type.Optional(Texts),
  now: Type.Optional(Time),
  report: ToldSchema,
  earlier: Type.Optional(Type.Array(ToldSchema)),
  intel: Type.Optional(Type.Array(Type.Object({
    type: Type.Enum([...INDICATOR_TYPES]),
    value: Text,
    threatClass: Type.Optional(Type.Enum([...THREAT_CLASSES])),
    role: Type.Optional(Type.Enum([...INDICATOR_ROLES])),
    family: Type.Optional(Text)
  }, { additionalProperties: false }))),
  level: Type.Optional(Type.Enum([...LEVELS])),
  groups: Type.Optional(Texts),
  /** `detection`, or `detection subject severity`; all that are found must be named. */
  findings: Type.Optional(Texts),
  /** At least these. */
  finds: Type.Optional(Texts),
  /** None of these. */
  findsNot: Type.Optional(Texts)
}, { additionalProperties: false })
const CasesSchema = Type.Object({ cases: Type.Array(CaseSchema, { minItems: 1 }) }, { additionalProperties: false })

/** A phone, and how a policy must judge it. */
export type PolicyCase = Static<typeof CaseSchema>

const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }))
const isCases = ajv.compile<Static<typeof CasesSchema>>(CasesSchema)
const isReport = ajv.compile<Report>(ReportSchema)

/** Cases from YAML or JSON text. @throws naming every fault */
export function readPolicyCases (text: string): readonly PolicyCase[] {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true, version: '1.2', schema: 'core' })
  if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'))
  const value = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }) ?? null)) as unknown
  if (!isCases(value)) throw new Error(describe(isCases.errors ?? [], ''))
  const known = new Set(DETECTIONS.map(({ id }) => id))
  const faults = value.cases.flatMap((one, index) => [
    ...[one.report, ...one.earlier ?? []].flatMap((told) => isReport(toReport(told, 1, '2026-01-01T00:00:00Z')) ? [] : [describe(isReport.errors ?? [], `/cases/${index}`)]),
    ...[...one.findings ?? [], ...one.finds ?? [], ...one.findsNot ?? []].filter((finding) => !known.has(finding.split(' ')[0]!)).map((finding) => `/cases/${index}: there is no detection ${finding.split(' ')[0]!}`),
    ...(one.level === undefined && one.groups === undefined && one.findings === undefined && one.finds === undefined && one.findsNot === undefined ? [`/cases/${index}: expects nothing; name a level, groups, findings, finds or findsNot`] : [])
  ])
  if (faults.length > 0) throw new Error(faults.slice(0, MAX_FAULTS).join('\n'))
  return value.cases
}

/** What a phone tells, as the report that the API would get. */
export function toReport ({ apps, events, ...sections }: PolicyCase['report'], sequence: number, collectedAt: string): Report {
  return {
    reportId: `00000000-0000-4000-8000-${String(sequence).padStart(12, '0')}`,
    sequence,
    collectedAt,
    ...sections,
    ...(apps === undefined ? {} : { apps: { mode: 'snapshot', items: apps } }),
    ...(events === undefined ? {} : { events: events.map((event, number) => ({ eventId: `event-${sequence}-${number}`, at: collectedAt, ...event })) })
  } as Report
}

function describe (errors: readonly ErrorObject[], place: string): string {
  return errors.slice(0, MAX_FAULTS).map(({ instancePath, keyword, message = 'is not valid', params }) => {
    const named = params as Readonly<Record<string, unknown>>
    if (keyword === 'additionalProperties') return `${place}${instancePath}/${String(named.additionalProperty)}: is not known here`
    if (keyword === 'enum') return `${place}${instancePath}: must be one of ${(named.allowedValues as readonly unknown[]).join(', ')}`
    return `${place}${instancePath}: ${message}`
  }).join('\n')
}
