import { InvalidInputError } from '../errors.js'
import { fromAndroidManagement } from './adapters/android-management.js'
import { ANDROIDQF_FILE_NAMES, folderOf, fromAndroidQfJson } from './adapters/androidqf-folder.js'
import { fromAppleMdm } from './adapters/apple-mdm.js'
import { packingOf, readArchive, unpackGzip } from './adapters/archive.js'
import { fromIntuneAppSync } from './adapters/intune-app-sync.js'
import { assertShallow, parseJsonText } from './adapters/json-value.js'
import { MVT_FILE_NAMES } from './adapters/mvt-map.js'
import { fromBackupPlist, fromMvtFolder, fromMvtJson } from './adapters/mvt.js'
import { isBinaryPropertyList, parsePropertyList, toJsonValue } from './adapters/property-list.js'
import { createSkips, type Skips, type Translations } from './adapters/translation.js'
import type { Platform } from './device-state.js'

/** Other people's words for what phones are like. */
export const VOCABULARIES = ['android-management-api', 'apple-mdm', 'intune-app-sync', 'androidqf', 'mvt'] as const
export type Vocabulary = (typeof VOCABULARIES)[number]

/** Phones that a vocabulary can speak of. */
export const VOCABULARY_PLATFORMS: Readonly<Record<Vocabulary, readonly Platform[]>> = {
  'android-management-api': ['android'],
  'apple-mdm': ['ios', 'ipados'],
  'intune-app-sync': ['ios', 'ipados', 'android'],
  androidqf: ['android'],
  mvt: ['android', 'ios', 'ipados']
}

/** What one request may bring, packed or not. */
export const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
/** XML takes many times its size to read; honest answers have a few megabytes. */
const MAX_XML_BYTES = 8 * 1024 * 1024
/** Bodies made of little but brackets take seconds and gigabytes to read; honest ones have a tenth of this. */
const MAX_JSON_BRACKETS = 1_000_000
const MAX_XML_TAGS = 400_000

const FROM_JSON: Readonly<Record<Vocabulary, (value: unknown) => Translations>> = {
  'android-management-api': fromAndroidManagement,
  'apple-mdm': fromAppleMdm,
  'intune-app-sync': fromIntuneAppSync,
  androidqf: fromAndroidQfJson,
  mvt: fromMvtJson
}

/** Vocabularies whose content may be a folder, as an archive. */
const FROM_FOLDER: ReadonlyMap<Vocabulary, { readonly names: ReadonlySet<string>, readonly read: (texts: ReadonlyMap<string, string>, skips: Skips) => Translations }> = new Map([
  ['androidqf', { names: ANDROIDQF_FILE_NAMES, read: folderOf }],
  ['mvt', { names: MVT_FILE_NAMES, read: fromMvtFolder }]
])

const WHAT = 'The body'
const refuse = (message: string): InvalidInputError => new InvalidInputError([{ path: '', message }], WHAT)

/**
 * What was sent → phones, as reports' sections. What it is is told by its first bytes, whatever
 * it was called: JSON, a property list, a tar or zip archive, any of them in gzip.
 * @throws InvalidInputError when the vocabulary has no such form, or it cannot be read
 */
export async function readDocument (vocabulary: Vocabulary, body: Buffer): Promise<Translations> {
  const packing = packingOf(body)
  const content = packing === 'gzip' ? await unpackGzip(body) : body
  if (content.length === 0) throw refuse('must not be empty')
  const inner = packing === 'gzip' ? packingOf(content) : packing
  if (inner === 'gzip') throw refuse('must not be gzip in gzip')
  if (inner !== undefined) {
    const folder = FROM_FOLDER.get(vocabulary)
    if (folder === undefined) throw refuse(`is an archive, which only ${[...FROM_FOLDER.keys()].join(' and ')} take, not ${vocabulary}`)
    const skips = createSkips()
    return folder.read(await readArchive(inner, content, { wanted: folder.names, skips }), skips)
  }
  if (vocabulary === 'mvt' && isPropertyList(content)) {
    if (!isBinaryPropertyList(content)) assertFewer(content, '<', MAX_XML_TAGS, 'tags')
    return fromBackupPlist(content)
  }
  return FROM_JSON[vocabulary](readValue(vocabulary, content))
}

/** @throws InvalidInputError when one of the characters comes more often than `max` times */
function assertFewer (content: Buffer, characters: string, max: number, what: string): void {
  const codes = [...characters].map((character) => character.charCodeAt(0))
  let count = 0
  for (const byte of content) if (codes.includes(byte)) count++
  if (count > max) throw refuse(`must have at most ${max} ${what}, has ${count}`)
}

const isPropertyList = (content: Buffer): boolean => isBinaryPropertyList(content) || /^\uFEFF?\s*</.test(content.subarray(0, 256).toString('utf8'))

function readValue (vocabulary: Vocabulary, content: Buffer): unknown {
  const isBinary = isBinaryPropertyList(content)
  if (!isPropertyList(content)) {
    assertFewer(content, '{[', MAX_JSON_BRACKETS, 'lists and objects')
    return parseJsonText(content.toString('utf8').replace(/^\uFEFF/, ''), WHAT)
  }
  if (vocabulary !== 'apple-mdm') throw refuse(`is a property list or XML, which only apple-mdm and mvt take, not ${vocabulary}`)
  if (!isBinary && content.length <= MAX_XML_BYTES) assertFewer(content, '<', MAX_XML_TAGS, 'tags')
  const value = parsePropertyList(content, { what: WHAT, path: '', maxBytes: isBinary ? MAX_DOCUMENT_BYTES : MAX_XML_BYTES })
  assertShallow(value, WHAT)
  return toJsonValue(value)
}
