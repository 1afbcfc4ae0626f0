import { InvalidInputError, UnprocessableError } from '../../errors.js'
import { isAndroidBulletinCsv, isAndroidBulletinJson, readAndroidBulletinCsv, readAndroidBulletinJson } from './android-bulletin.js'
import { isAppVulnerabilities, readAppVulnerabilities } from './app-vulnerabilities.js'
import { isCsv, readCsv } from './csv.js'
import { isEndoflife, readEndoflife } from './endoflife.js'
import { FEED_FORMATS, FORMAT_NAMES, type FormatName } from './format-names.js'
import { isHosts, readHosts } from './hosts.js'
import { parseJson } from './json-document.js'
import { isJsonTable, readJsonTable } from './json-table.js'
import { isKev, readKev } from './kev.js'
import { isList, readList } from './list.js'
import { isMisp, readMisp } from './misp.js'
import { isNvd, readNvd } from './nvd.js'
import { isOpenIoc, readOpenIoc } from './openioc.js'
import { isOsv, readOsv } from './osv.js'
import type { ParsedFeed } from './parsed-feed.js'
import { isSofa, readSofa } from './sofa.js'
import { isStalkerwareList, readStalkerware } from './stalkerware.js'
import { isStarter, readStarter } from './starter.js'
import { isStixBundle, readStix } from './stix.js'
import { isSuricata, readSuricata } from './suricata.js'
import { parseXml, type XmlElement } from './xml-document.js'
import { parseYaml } from './yaml-document.js'

export type { ParsedFeed, SkippedEntries } from './parsed-feed.js'

/** How a file is written; its text is read once, whatever it then turns out to be. */
const SYNTAXES = { json: parseJson, yaml: parseYaml, xml: parseXml, text: (text: string): string => text.replace(/^\uFEFF/, '') } as const
type Syntax = keyof typeof SYNTAXES

interface Format {
  readonly syntax: Syntax
  /** Whether the data looks like this format. */
  readonly matches: (data: unknown) => boolean
  readonly read: (data: unknown) => ParsedFeed
  /** The same format written another way. */
  readonly also?: Format
}

const ofText = (matches: (text: string) => boolean, read: (text: string) => ParsedFeed): Format =>
  ({ syntax: 'text', matches: (data) => matches(data as string), read: (data) => read(data as string) })

/** How each of them is read; in the order of FORMAT_NAMES. */
const READERS: Readonly<Record<FormatName, Format>> = {
  stix: { syntax: 'json', matches: isStixBundle, read: readStix },
  misp: { syntax: 'json', matches: isMisp, read: readMisp },
  kev: { syntax: 'json', matches: isKev, read: readKev },
  osv: { syntax: 'json', matches: isOsv, read: readOsv },
  nvd: { syntax: 'json', matches: isNvd, read: readNvd },
  sofa: { syntax: 'json', matches: isSofa, read: readSofa },
  endoflife: { syntax: 'json', matches: isEndoflife, read: readEndoflife },
  'app-vulnerabilities': { syntax: 'yaml', matches: isAppVulnerabilities, read: readAppVulnerabilities },
  'android-bulletin': { syntax: 'json', matches: isAndroidBulletinJson, read: readAndroidBulletinJson, also: ofText(isAndroidBulletinCsv, readAndroidBulletinCsv) },
  stalkerware: { syntax: 'yaml', matches: isStalkerwareList, read: readStalkerware },
  starter: { syntax: 'yaml', matches: isStarter, read: readStarter },
  openioc: { syntax: 'xml', matches: isOpenIoc, read: (data) => readOpenIoc(data as XmlElement) },
  suricata: ofText(isSuricata, readSuricata),
  hosts: ofText(isHosts, readHosts),
  csv: { ...ofText(isCsv, readCsv), also: { syntax: 'json', matches: isJsonTable, read: readJsonTable } },
  list: ofText(isList, readList)
}
const FORMATS: ReadonlyMap<string, Format> = new Map(FORMAT_NAMES.map((name) => [name, READERS[name]]))

/** Every way in which one of them is written. */
const WAYS: ReadonlyArray<readonly [string, Format]> = [...FORMATS].flatMap(([name, format]) => [format, ...format.also === undefined ? [] : [format.also]].map((way) => [name, way] as const))

/** A parsed file and the format it turned out to be. */
export interface ReadFeed extends ParsedFeed {
  readonly format: string
}

/** Reads a file in a given format, or finds out which it is. @throws UnprocessableError, InvalidInputError */
export function readFeed (text: string, format: string): ReadFeed {
  const named = FORMATS.get(format)
  if (named !== undefined) {
    const { read, syntax } = named.also !== undefined && syntaxesOf(text).includes(named.also.syntax) ? named.also : named
    return { format, ...read(SYNTAXES[syntax](text)) }
  }
  if (format !== 'auto') throw new UnprocessableError(`The format ${format.slice(0, 64)} is not supported; supported are ${FEED_FORMATS.join(', ')}.`)

  let fault: Error | undefined
  for (const syntax of syntaxesOf(text)) {
    try {
      const data = SYNTAXES[syntax](text)
      for (const [name, { matches, read, syntax: own }] of WAYS) {
        // JSON is YAML.
        if ((own === syntax || (own === 'yaml' && syntax === 'json')) && matches(data)) return { format: name, ...read(data) }
      }
    } catch (error) {
      // What looks like YAML may still be a list; what begins like JSON or XML is nothing else.
      if (syntax !== 'yaml' || !(error instanceof InvalidInputError || error instanceof UnprocessableError)) throw error
      fault = error
    }
  }
  if (/<(?:\w+:)?STIX_Package\b/.test(text.slice(0, 4_096))) throw new UnprocessableError('The file is STIX 1 (XML), which is not read; convert it to STIX 2.1, for example with stix2-elevator of OASIS.')
  throw fault ?? new UnprocessableError(`The file is none of the known formats (${[...FORMATS.keys()].join(', ')}); name its format if it is.`)
}

/** In what a file may be written, by how it begins. */
function syntaxesOf (text: string): Syntax[] {
  const start = text.slice(0, 4_096).replace(/^\uFEFF/, '').trimStart()
  // A defanged address may begin with a bracket, but no JSON with `[.`.
  if (/^(?:\{|\[\s*(?:[[{"\]\d-]|true|false|null|$))/.test(start)) return ['json']
  if (start.startsWith('<')) return ['xml']
  const [firstLine = ''] = start.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  // YAML could read a list of words, but slowly, and makes of it something else.
  return /^(?:---|%YAML|- |-$|[\w"'][^:]*:(?:\s|$))/.test(firstLine) ? ['yaml', 'text'] : ['text']
}
