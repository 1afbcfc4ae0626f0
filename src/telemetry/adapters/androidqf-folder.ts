import { InvalidInputError } from '../../errors.js'
import { REPORT_LIMITS } from '../report.js'
import { isExecutableMode, parseGetprop } from './android-text.js'
import { type AndroidQfFiles, fromAndroidQf } from './androidqf.js'
import { isSentinel, time } from './field-map.js'
import { isObject } from './json-value.js'
import type { ReportSections } from './report-sections.js'
import { createSkips, type Skips, type Translation, type Translations } from './translation.js'

const WHAT = 'The AndroidQF content'
type Part = keyof AndroidQfFiles | 'selinux' | 'files' | 'acquisition'

export interface FolderFile {
  readonly name: string
  readonly part: Part
  /** Where it goes, for the page that documents it. */
  readonly goesTo: string
}

/** Files of an AndroidQF folder that are read (https://github.com/mvt-project/androidqf); of several for one part the first counts. */
export const ANDROIDQF_FILES: readonly FolderFile[] = [
  { name: 'packages.json', part: 'packages', goesTo: '`apps`: id, installer, flags, hashes of the package and its certificates; `files`: the other files of a package' },
  { name: 'getprop.txt', part: 'getprop', goesTo: '`os`, `hardware`, `config.encryption`, `properties`; the serial number that tells which phone it is' },
  { name: 'settings_system.txt', part: 'settings', goesTo: '`config`, `network`' },
  { name: 'settings_secure.txt', part: 'settings', goesTo: '`config`, `network`' },
  { name: 'settings_global.txt', part: 'settings', goesTo: '`config`, `network`' },
  { name: 'root_binaries.json', part: 'rootBinaries', goesTo: '`integrity.rootBinaries`' },
  { name: 'ps.txt', part: 'processes', goesTo: '`processes`' },
  { name: 'processes.txt', part: 'processes', goesTo: '`processes`' },
  { name: 'processes.json', part: 'processes', goesTo: '`processes`' },
  { name: 'selinux.txt', part: 'selinux', goesTo: '`config.selinux`' },
  { name: 'files.json', part: 'files', goesTo: '`files`: path, SHA-256, and by its mode whether it can be run; those below `/data/local/tmp` first, at most 5,000' },
  { name: 'acquisition.json', part: 'acquisition', goesTo: 'the time of collection' }
]
export const ANDROIDQF_FILE_NAMES: ReadonlySet<string> = new Set(ANDROIDQF_FILES.map(({ name }) => name))

type Files = NonNullable<ReportSections['files']>

/** `files.json`: what the collector found on the phone. */
function readFileList (text: string, skips: Skips): Files {
  const list = parseJson(text, 'files.json')
  if (!Array.isArray(list)) throw new InvalidInputError([{ path: 'files.json', message: 'must be a list' }], WHAT)
  const files: Files = []
  for (const entry of list) {
    const path: unknown = isObject(entry) ? entry['path'] : undefined
    if (typeof path !== 'string' || path === '') skips.add('an entry of files.json says nothing without its path', '')
    else files.push({ path, ...aboutFile(entry) })
  }
  return files
}

function aboutFile (entry: unknown): Pick<Files[number], 'sha256' | 'executable'> {
  const { sha256, mode } = isObject(entry) ? entry : {}
  const executable = isExecutableMode(mode)
  return { ...(typeof sha256 === 'string' && sha256 !== '' ? { sha256 } : {}), ...(executable === undefined ? {} : { executable }) }
}

function parseJson (text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidInputError([{ path: file, message: `is not JSON: ${(error as Error).message}` }], WHAT)
  }
}

/** When the folder was completed, or at least begun. Go writes a time that never was as the year 1. */
function collectedAt (text: string): string | undefined {
  const acquisition = parseJson(text, 'acquisition.json')
  for (const key of ['completed', 'started']) {
    const read = isObject(acquisition) ? time.read(acquisition[key], acquisition) : undefined
    if (typeof read === 'string' && !read.startsWith('0001-')) return read
  }
  return undefined
}

/** What one file says; undefined, and told, when it cannot be read. */
function attempt<T> (skips: Skips, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    for (const { path, message } of error.faults) skips.add(`${path} ${message.replace(/:.*$/s, '')}`, message)
    return undefined
  }
}

const TMP = '/data/local/tmp/'

/** Files put where anybody may put them come first; the rest of too long a list is told, not kept. */
function limitFiles (files: Files, skips: Skips): Files {
  if (files.length <= REPORT_LIMITS.listItems) return files
  skips.add(`more than ${REPORT_LIMITS.listItems} files; those below ${TMP} first, the rest was left out`, `${files.length} files`)
  const isSuspicious = ({ path = '' }: Files[number]): boolean => path.startsWith(TMP)
  return [...files.filter(isSuspicious), ...files.filter((file) => !isSuspicious(file))].slice(0, REPORT_LIMITS.listItems)
}

function serialNumberOf (getprop: string): string | undefined {
  const properties = parseGetprop(getprop)
  return ['ro.serialno', 'ro.boot.serialno'].map((name) => properties[name]).find((value) => value !== undefined && !isSentinel(value))
}

/**
 * The files of an AndroidQF folder, by name, as text. A file that cannot be read is told and
 * leaves the others as they are; a list of apps that is too long is left out whole.
 */
export function fromAndroidQfFolder (texts: ReadonlyMap<string, string>, skips: Skips = createSkips()): Translation {
  const parts = new Map<Part, string[]>()
  for (const { name, part } of ANDROIDQF_FILES) {
    const text = texts.get(name)
    if (text !== undefined) parts.set(part, [...parts.get(part) ?? [], text])
  }
  const readable: Record<string, unknown> = {}
  for (const part of ['packages', 'getprop', 'rootBinaries', 'processes'] as const) {
    const text = parts.get(part)?.[0]
    if (text !== undefined && attempt(skips, () => fromAndroidQf({ [part]: text })) !== undefined) readable[part] = text
  }
  if (parts.has('settings')) readable['settings'] = parts.get('settings')
  const { apps, files: splits = [], config, ...sections } = fromAndroidQf(readable)

  const listed = parts.get('files')?.[0]
  const files = limitFiles([...splits, ...(listed === undefined ? [] : attempt(skips, () => readFileList(listed, skips)) ?? [])], skips)
  const selinux = parts.get('selinux')?.[0]?.trim().toLowerCase()
  const knownConfig = { ...config, ...(selinux === 'enforcing' || selinux === 'permissive' ? { selinux } as const : {}) }
  const tooManyApps = apps?.mode === 'snapshot' && apps.items.length > REPORT_LIMITS.apps
  if (tooManyApps) skips.add(`packages.json has more than ${REPORT_LIMITS.apps} entries and was left out whole`, String(apps.items.length))

  const getprop = parts.get('getprop')?.[0]
  const serialNumber = getprop === undefined ? undefined : serialNumberOf(getprop)
  const acquisition = parts.get('acquisition')?.[0]
  const at = acquisition === undefined ? undefined : attempt(skips, () => collectedAt(acquisition))
  return {
    phone: serialNumber === undefined ? {} : { serialNumber },
    sections: {
      ...sections,
      // No Android phone is without apps: an empty list was not readable, here or there.
      ...(apps?.mode !== 'snapshot' || apps.items.length === 0 || tooManyApps ? {} : { apps }),
      ...(files.length === 0 ? {} : { files }),
      ...(Object.keys(knownConfig).length === 0 ? {} : { config: knownConfig })
    },
    ...(at === undefined ? {} : { collectedAt: at }),
    skipped: skips.list(),
    content: Object.fromEntries(texts)
  }
}

/**
 * AndroidQF's files as one JSON value: an object `{ fileName: content }`, with JSON files as text
 * or as what they hold, or packages.json, root_binaries.json or processes.txt alone.
 * @throws InvalidInputError when it is none of these
 */
export function fromAndroidQfJson (value: unknown): Translations {
  const skips = createSkips()
  const texts = new Map<string, string>()
  if (isObject(value)) {
    for (const [path, content] of Object.entries(value)) {
      const name = path.split('/').at(-1)!
      if (ANDROIDQF_FILE_NAMES.has(name) && !texts.has(name)) texts.set(name, typeof content === 'string' ? content : JSON.stringify(content))
    }
  } else {
    const name = nameOfList(value)
    if (name !== undefined) texts.set(name, JSON.stringify(value))
  }
  return folderOf(texts, skips)
}

/** Which file a list is, by what its entries have. */
function nameOfList (value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined
  if (value.some((entry) => isObject(entry) && Object.hasOwn(entry, 'name') && Object.hasOwn(entry, 'installer'))) return 'packages.json'
  if (value.some((entry) => isObject(entry) && Object.hasOwn(entry, 'command_line'))) return 'processes.json'
  if (value.some((entry) => isObject(entry) && Object.hasOwn(entry, 'path'))) return 'files.json'
  return value.length > 0 && value.every((entry) => typeof entry === 'string') ? 'root_binaries.json' : undefined
}

/** @throws InvalidInputError when none of the files is there */
export function folderOf (texts: ReadonlyMap<string, string>, skips: Skips): Translations {
  if (texts.size === 0) throw new InvalidInputError([{ path: '', message: `must hold at least one of ${[...ANDROIDQF_FILE_NAMES].join(', ')}` }], WHAT)
  return { phones: [fromAndroidQfFolder(texts, skips)], isList: false }
}
