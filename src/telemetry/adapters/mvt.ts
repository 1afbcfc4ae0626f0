import { createHash } from 'node:crypto'
import { InvalidInputError } from '../../errors.js'
import { REPORT_LIMITS } from '../report.js'
import { isExecutableMode } from './android-text.js'
import { sectionsOfProperties, sectionsOfSettings } from './androidqf.js'
import { isSentinel, readSections, time } from './field-map.js'
import { readInfoPlist, sectionsOfBackup } from './ios-backup.js'
import { isObject, type JsonObject, parseJsonText } from './json-value.js'
import { MVT_FILE_NAMES, MVT_MAP, type MvtPart, partOfFile } from './mvt-map.js'
import type { ReportSections } from './report-sections.js'
import { createSkips, describeValue, type PhoneNames, type Skips, type Translation, type Translations } from './translation.js'

const WHAT = 'The MVT results'

type Results = { readonly [P in MvtPart]?: ReadonlyArray<readonly [file: string, value: unknown]> }

const listOf = (results: Results, part: MvtPart, skips: Skips): JsonObject[] => (results[part] ?? []).flatMap(([file, value]) => {
  if (Array.isArray(value)) return value.filter(isObject)
  skips.add(`${file} must be a list`, describeValue(value))
  return []
})

const textsAt = (entries: readonly JsonObject[], ...keys: readonly string[]): string[] => [...new Set(entries.flatMap((entry) => {
  const value = keys.map((key) => entry[key]).find((one) => typeof one === 'string' && one !== '')
  return value === undefined ? [] : [value as string]
}))]

/** Several results about one app are one entry; of two that say the same, the first counts. */
function packagesOf (entries: readonly JsonObject[]): JsonObject[] {
  const byName = new Map<unknown, JsonObject>()
  for (const entry of entries) {
    const name = entry['package_name'] ?? entry['name']
    byName.set(name, { ...entry, ...Object.fromEntries(Object.entries(byName.get(name) ?? {}).filter(([, value]) => value !== null && value !== '')) })
  }
  return [...byName.values()]
}

/** `null` or `"null"` for an app that is no part of the system: the phone was asked, and knows of none. */
function withOrigin (apps: ReportSections['apps'], packages: readonly JsonObject[]): ReportSections['apps'] {
  if (apps?.mode !== 'snapshot') return apps
  const without = new Set(packages.filter(({ installer, third_party: isThird }) => (installer === null || installer === 'null') && isThird === true).map((entry) => entry['package_name'] ?? entry['name']))
  return { ...apps, items: apps.items.map((app) => without.has(app.appId) ? { ...app, installer: null } : app) }
}

function settingsOf (results: Results): Map<string, string> {
  const settings = new Map<string, string>()
  const put = (name: unknown, value: unknown): void => {
    if (typeof name === 'string' && (typeof value === 'string' || typeof value === 'number') && value !== 'null') settings.set(name, String(value))
  }
  for (const [, value] of results.settings ?? []) {
    // By namespace, or as rows of the settings provider.
    if (Array.isArray(value)) for (const row of value.filter(isObject)) put(row['name'], row['value'])
    else if (isObject(value)) for (const names of Object.values(value).filter(isObject)) for (const [name, one] of Object.entries(names)) put(name, one)
  }
  return settings
}

/** MVT writes times of UTC as `2026-11-23 08:00:00.000000`. */
function toInstant (value: unknown): string | undefined {
  const match = typeof value === 'string' ? /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)\d*(?:Z|\+00:00)?$/.exec(value) : null
  const read = match === null ? undefined : time.read(`${match[1]}T${match[2]}Z`, {})
  return typeof read === 'string' ? read : undefined
}

function visitsOf (entries: readonly JsonObject[], skips: Skips): ReportSections['events'] {
  const events = entries.flatMap(({ url, isodate, visit_id: visit }) => {
    const at = toInstant(isodate)
    if (typeof url === 'string' && url.length <= REPORT_LIMITS.stringLength && at !== undefined) {
      const eventId = createHash('sha256').update(JSON.stringify([url, at, visit])).digest('hex').slice(0, 32)
      return [{ eventId, type: 'url-visit' as const, at, url, action: 'opened' as const }]
    }
    skips.add('a visit without its URL or time, or with one that is too long', describeValue(url))
    return []
  }).sort((a, b) => a.at < b.at ? 1 : -1)
  if (events.length > REPORT_LIMITS.events) skips.add(`more than ${REPORT_LIMITS.events} visits; the newest were taken`, `${events.length} visits`)
  return events.slice(0, REPORT_LIMITS.events)
}

/** What `backup_info.json` says, and what is known of each of its apps. */
function ofBackup (results: Results, apps: ReportSections['apps'], skips: Skips): ReportSections {
  const [file, info] = results.backup?.[0] ?? []
  if (file === undefined) return apps === undefined ? {} : { apps }
  if (!isObject(info)) {
    skips.add(`${file} must be an object`, describeValue(info))
    return {}
  }
  const known = new Map(apps?.mode === 'snapshot' ? apps.items.map((app) => [app.appId, app]) : [])
  const sections = sectionsOfBackup(info)
  return sections.apps?.mode === 'snapshot'
    ? { ...sections, apps: { mode: 'snapshot', items: sections.apps.items.map((app) => ({ ...known.get(app.appId), ...app })) } }
    : { ...sections, ...(apps === undefined ? {} : { apps }) }
}

function fromResults (results: Results, skips: Skips, content: unknown): Translation {
  const packages = packagesOf(listOf(results, 'packages', skips))
  const { apps, config, ...listed } = readSections(MVT_MAP, {
    ...(results.packages === undefined ? {} : { packages }),
    ...(results.applications === undefined ? {} : { applications: listOf(results, 'applications', skips) }),
    ...(results.profiles === undefined ? {} : { profiles: listOf(results, 'profiles', skips) }),
    selinux: results.selinux?.[0]?.[1]
  }, skips)
  const properties = Object.fromEntries(listOf(results, 'properties', skips).filter(({ name, value }) => typeof name === 'string' && typeof value === 'string').map(({ name, value }) => [name, value as string]))
  const fromProperties = Object.keys(properties).length === 0 ? {} : sectionsOfProperties(properties)
  const settings = settingsOf(results)
  const fromSettings = settings.size === 0 ? {} : sectionsOfSettings(settings)
  const backup = ofBackup(results, withOrigin(apps, packages), skips)
  const info = results.backup?.[0]?.[1]
  const allConfig = { ...fromProperties.config, ...fromSettings.config, ...config }
  const processes = textsAt(listOf(results, 'processes', skips), 'proc_name', 'package', 'bundle_id')
  const files = textsAt(listOf(results, 'files', skips), 'path')
  const aboutFiles = new Map(listOf(results, 'files', skips).map((entry) => [entry['path'], aboutFile(entry)]))
  const rootBinaries = (results.rootBinaries ?? []).flatMap(([, value]) => Array.isArray(value) ? value : []).map((one) => isObject(one) ? one['path'] : one).filter((path) => typeof path === 'string' && path.startsWith('/'))
  const visits = results.visits === undefined ? [] : visitsOf(listOf(results, 'visits', skips), skips) ?? []
  const at = isObject(info) ? toInstant(info['Last Backup Date']) : undefined
  return {
    phone: phoneOf(properties, info),
    sections: {
      ...listed,
      ...fromProperties,
      ...fromSettings,
      ...backup,
      ...(Object.keys(allConfig).length === 0 ? {} : { config: allConfig }),
      ...(results.processes === undefined || processes.length === 0 ? {} : { processes: cut(processes, 'processes', skips) }),
      ...(files.length === 0 ? {} : { files: cut(files, 'files', skips).map((path) => ({ path, ...aboutFiles.get(path) })) }),
      ...(results.rootBinaries === undefined ? {} : { integrity: { rootBinaries: [...new Set(rootBinaries as string[])] } }),
      ...(visits.length === 0 ? {} : { events: visits })
    },
    ...(at === undefined ? {} : { collectedAt: at }),
    skipped: skips.list(),
    content
  }
}

function aboutFile ({ sha256, mode }: JsonObject): Pick<NonNullable<ReportSections['files']>[number], 'sha256' | 'executable'> {
  const executable = isExecutableMode(mode)
  return { ...(typeof sha256 === 'string' && sha256 !== '' ? { sha256 } : {}), ...(executable === undefined ? {} : { executable }) }
}

function cut (list: readonly string[], what: string, skips: Skips): string[] {
  if (list.length > REPORT_LIMITS.listItems) skips.add(`more than ${REPORT_LIMITS.listItems} ${what}; the rest was left out`, `${list.length} ${what}`)
  return list.slice(0, REPORT_LIMITS.listItems)
}

function phoneOf (properties: Readonly<Record<string, string>>, info: unknown): PhoneNames {
  const serialNumber = ['ro.serialno', 'ro.boot.serialno'].map((name) => properties[name]).find((value) => value !== undefined && !isSentinel(value)) ??
    (isObject(info) && typeof info['Serial Number'] === 'string' && !isSentinel(info['Serial Number']) ? info['Serial Number'] : undefined)
  return serialNumber === undefined ? {} : { serialNumber }
}

/**
 * A folder of MVT's results, by file name, as text. A file that cannot be read is told and leaves the others as they are.
 * @throws InvalidInputError when none of the files is there
 */
export function fromMvtFolder (texts: ReadonlyMap<string, string>, skips: Skips): Translations {
  const values = new Map<string, unknown>()
  for (const [name, content] of texts) {
    try {
      values.set(name, parseJsonText(content, WHAT))
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error
      skips.add(`${name} is not JSON, or nests too deep`, error.faults[0]?.message ?? '')
    }
  }
  return translationsOf(values, skips)
}

function translationsOf (values: ReadonlyMap<string, unknown>, skips: Skips): Translations {
  const results: { -readonly [P in MvtPart]?: Array<readonly [string, unknown]> } = {}
  for (const [name, value] of values) {
    const part = partOfFile.get(name)
    // Go and Python write an empty list as null.
    if (part !== undefined) (results[part] ??= []).push([name, value ?? []])
  }
  if (Object.keys(results).length === 0) throw new InvalidInputError([{ path: '', message: `must hold at least one of ${[...MVT_FILE_NAMES].join(', ')}` }], WHAT)
  return { phones: [fromResults(results, skips, Object.fromEntries(values))], isList: false }
}

/** What the entries of each result have, for one that comes without its name. */
const SHAPES: ReadonlyArray<readonly [file: string, ...keys: readonly string[]]> = [
  ['packages.json', 'package_name', 'version_name'],
  ['packages.json', 'package_name', 'installer'],
  ['processes.json', 'proc_name'],
  ['configuration_profiles.json', 'plist'],
  ['applications.json', 'softwareVersionBundleId'],
  ['safari_history.json', 'url', 'isodate'],
  ['root_binaries.json', 'binary_name'],
  ['getprop.json', 'name', 'value'],
  ['files.json', 'path']
]

/**
 * MVT's results as one JSON value: an object `{ fileName: content }`, or one result alone.
 * @throws InvalidInputError when it is neither
 */
export function fromMvtJson (value: unknown): Translations {
  const skips = createSkips()
  if (Array.isArray(value)) {
    const shape = SHAPES.find(([, ...keys]) => value.some((entry) => isObject(entry) && keys.every((key) => Object.hasOwn(entry, key))))
    return translationsOf(new Map(shape === undefined ? [] : [[shape[0], value]]), skips)
  }
  if (isObject(value) && Object.hasOwn(value, 'Product Version') && Object.hasOwn(value, 'Product Type')) return translationsOf(new Map([['backup_info.json', value]]), skips)
  const entries = isObject(value) ? Object.entries(value).map(([path, content]) => [path.split('/').at(-1)!, content] as const).filter(([name]) => MVT_FILE_NAMES.has(name)) : []
  const texts = new Map(entries.filter(([, content]) => typeof content === 'string') as Array<[string, string]>)
  const parsed = new Map(entries.filter(([, content]) => typeof content !== 'string'))
  if (texts.size === 0) return translationsOf(parsed, skips)
  return fromMvtFolder(new Map([...texts, ...[...parsed].map(([name, content]) => [name, JSON.stringify(content)] as const)]), skips)
}

/** The Info.plist of an iPhone's backup, which MVT reads itself. @throws InvalidInputError */
export function fromBackupPlist (infoPlist: Uint8Array): Translations {
  const info = readInfoPlist(infoPlist)
  return { phones: [{ phone: phoneOf({}, info), sections: sectionsOfBackup(info), skipped: [], content: createHash('sha256').update(infoPlist).digest('hex') }], isList: false }
}
