import { UnprocessableError } from '../../errors.js'
import { isIndicatorTable, readTables, type Table } from './csv.js'
import type { ParsedFeed } from './parsed-feed.js'
import { isObject, type Json } from './vulnerability-fields.js'

const MAX_COLUMNS = 100
/** Rows that are looked at for the names of columns. */
const SAMPLE_ROWS = 1_000

/**
 * Objects of indicators in JSON that follow no standard: `[{ "type": "domain", "value": … }]`, the same under a
 * name (`{ "iocs": [ … ] }`) or one a line, and lists of values under what they are (`{ "domains": [ … ] }`). Members mean
 * what columns of the same names mean in a table.
 * @throws UnprocessableError when none holds indicators
 */
export function readJsonTable (data: unknown): ParsedFeed {
  const tables = tablesOf(data).filter(isIndicatorTable)
  if (tables.length === 0) throw new UnprocessableError('No list in the JSON file holds indicators; nothing was changed.')
  return readTables(tables)
}

/** Whether a list in it holds indicators under a name that says so. */
export function isJsonTable (data: unknown): boolean {
  return !isWarningList(data) && tablesOf(data).some(isIndicatorTable)
}

/** MISP's lists of what is harmless: whoever imports one by mistake would have everybody's mail blocked. */
const isWarningList = (data: unknown): boolean => isObject(data) && Array.isArray(data['list']) && 'matching_attributes' in data

function tablesOf (data: unknown): Table[] {
  if (Array.isArray(data)) return [...tableOfObjects(data)]
  if (!isObject(data)) return []
  return Object.entries(data).flatMap(([name, list]) => {
    if (!Array.isArray(list)) return []
    const texts = list.filter((one) => typeof one === 'string')
    return texts.length > 0 ? [{ header: [name], rows: texts.map((text) => [text]), delimiter: '' }] : tableOfObjects(list)
  })
}

function tableOfObjects (list: readonly unknown[]): Table[] {
  const objects = list.filter(isObject)
  if (objects.length === 0) return []
  const header = [...new Set(objects.slice(0, SAMPLE_ROWS).flatMap((one) => Object.keys(one)))].slice(0, MAX_COLUMNS)
  return [{ header, rows: objects.map((one) => header.map((name) => cellOf(one, name))), delimiter: '' }]
}

/** What is nested says nothing that a column could. */
function cellOf (object: Json, name: string): string {
  const cell = Object.hasOwn(object, name) ? object[name] : undefined
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell)
  return Array.isArray(cell) ? cell.filter((one) => typeof one === 'string').join(', ') : ''
}
