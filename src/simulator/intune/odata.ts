import type { FastifyRequest } from 'fastify'
import { badRequest } from './graph-errors.js'

export type Operator = 'eq' | 'ne' | 'lt' | 'gt' | 'contains' | 'startswith' | 'in'
/** Which property may be filtered by which operators; everything else is refused, as Graph does. */
export type Filterable = Readonly<Record<string, readonly Operator[]>>

export interface Clause {
  readonly property: string
  readonly operator: Operator
  readonly value: string | boolean
  /** Of `in`: any of these. */
  readonly values?: readonly string[]
}

const LITERAL = String.raw`(?:'((?:[^']|'')*)'|(true|false)|(\d{4}-\d\d-\d\d[\dT:.+Z-]*))`
const COMPARISON = new RegExp(String.raw`^\s*(\w+)\s+(\w+)\s+${LITERAL}\s*`)
const IN = /^\s*(\w+)\s+in\s+\(\s*('(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*)\s*\)\s*/
const FUNCTIONS: readonly string[] = ['contains', 'startswith']
const CONTAINS = new RegExp(String.raw`^\s*(\w+)\(\s*(\w+)\s*,\s*${LITERAL}\s*\)\s*`)

/** Parses `$filter`: clauses joined by `and`. @throws GraphError for anything Graph documents no support for */
export function parseFilter (text: string, filterable: Filterable): Clause[] {
  const clauses: Clause[] = []
  let rest = text
  const check = (property: string, operator: string, fits = true): void => {
    if (!Object.hasOwn(filterable, property)) throw badRequest(`Invalid filter clause: the property '${property}' cannot be used in $filter.`)
    if (!(filterable[property] as readonly string[]).includes(operator) || !fits) {
      throw badRequest(`Invalid filter clause: the operator '${operator}' is not supported for the property '${property}'.`)
    }
  }
  while (true) {
    const list = IN.exec(rest)
    const isFunction = CONTAINS.test(rest)
    const match = list ?? (isFunction ? CONTAINS : COMPARISON).exec(rest)
    if (match === null) throw badRequest(`Invalid filter clause: syntax error at position ${text.length - rest.length} in '${text}'.`)
    const [whole, first, second, quoted, flag, time] = match as unknown as [string, string, string, string?, string?, string?]
    if (list !== null) {
      check(first, 'in')
      const values = [...second.matchAll(/'((?:[^']|'')*)'/g)].map(([, value]) => value!.replaceAll("''", "'"))
      clauses.push({ property: first, operator: 'in', value: values[0]!, values })
    } else {
      const [property, operator] = isFunction ? [second, first] : [first, second]
      check(property, operator, isFunction === FUNCTIONS.includes(operator))
      clauses.push({ property, operator: operator as Operator, value: flag !== undefined ? flag === 'true' : quoted?.replaceAll("''", "'") ?? time! })
    }
    rest = rest.slice(whole.length)
    if (rest === '') return clauses
    const joint = /^and\s/.exec(rest)
    if (joint === null) throw badRequest(`Invalid filter clause: only 'and' can join clauses in '${text}'.`)
    rest = rest.slice(joint[0].length)
  }
}

/** Text is compared without regard to case, as Graph does. */
export function matches (row: Readonly<Record<string, unknown>>, clauses: readonly Clause[]): boolean {
  return clauses.every(({ property, operator, value, values }) => {
    const actual = typeof row[property] === 'string' ? row[property].toLowerCase() : row[property]
    const wanted = typeof value === 'string' ? value.toLowerCase() : value
    switch (operator) {
      case 'eq': return actual === wanted
      case 'ne': return actual !== wanted
      case 'in': return values?.some((one) => one.toLowerCase() === actual) ?? false
      case 'startswith': return String(actual).startsWith(String(wanted))
      case 'contains': return String(actual).includes(String(wanted))
      case 'lt': return Date.parse(String(actual)) < Date.parse(String(wanted))
      default: return Date.parse(String(actual)) > Date.parse(String(wanted))
    }
  })
}

export interface ListQuery {
  readonly clauses: readonly Clause[]
  readonly select: readonly string[] | undefined
  readonly top: number
  readonly skip: number
  readonly count: boolean
}

const OPTIONS = ['$filter', '$select', '$top', '$skiptoken', '$count']

/** Reads a list's query options. @throws GraphError for unknown or malformed ones */
export function parseListQuery (query: unknown, { filterable, properties, typeName, maxTop }: { filterable: Filterable, properties: readonly string[], typeName: string, maxTop: number }): ListQuery {
  const options = query as Record<string, unknown>
  for (const [name, value] of Object.entries(options)) {
    if (!OPTIONS.includes(name)) throw badRequest(`The query option '${name}' is not supported.`)
    if (typeof value !== 'string') throw badRequest(`Query option '${name}' was specified more than once, but it must be specified at most once.`)
  }
  const { $filter, $select, $top, $skiptoken, $count } = options as Record<string, string | undefined>
  if ($top !== undefined && !/^[1-9]\d{0,8}$/.test($top)) throw badRequest(`Invalid value '${$top}' for $top query option found. The $top query option requires a positive integer value.`)
  if ($count !== undefined && $count !== 'true' && $count !== 'false') throw badRequest(`Invalid value '${$count}' for $count query option found. Valid values are 'true' and 'false'.`)
  const position = $skiptoken === undefined ? '0' : Buffer.from($skiptoken, 'base64url').toString()
  if (!/^\d{1,12}$/.test(position)) throw badRequest('Skip token is not valid.')
  return {
    clauses: $filter === undefined ? [] : parseFilter($filter, filterable),
    select: parseSelect($select, properties, typeName),
    top: Math.min(Number($top ?? maxTop), maxTop),
    skip: Number(position),
    count: $count === 'true'
  }
}

export function parseSelect (text: string | undefined, properties: readonly string[], typeName: string): string[] | undefined {
  if (text === undefined) return undefined
  const names = text.split(',').map((name) => name.trim())
  for (const name of names) {
    if (!properties.includes(name)) throw badRequest(`Parsing OData Select and Expand failed: Could not find a property named '${name}' on type 'microsoft.graph.${typeName}'.`)
  }
  return names
}

export const pick = (row: Readonly<Record<string, unknown>>, names: readonly string[] | undefined): Record<string, unknown> =>
  names === undefined ? { ...row } : Object.fromEntries(names.map((name) => [name, row[name]]))

/** Marks a request that is part of a batch, with the protocol of the whole; no real address looks like it. */
export const BATCH_ADDRESS = 'batch:'

export const isBatched = (request: FastifyRequest): boolean => request.socket.remoteAddress?.startsWith(BATCH_ADDRESS) === true

export const originOf = (request: FastifyRequest): string =>
  `${isBatched(request) ? request.socket.remoteAddress!.slice(BATCH_ADDRESS.length) : request.protocol}://${request.host}`

/** One page of a collection with `@odata.nextLink` when there is more. `present` is only called for rows looked at. */
export function presentPage<T> (request: FastifyRequest, contextPath: string, rows: readonly T[], query: ListQuery, present: (row: T) => Record<string, unknown>): Record<string, unknown> {
  const value: Array<Record<string, unknown>> = []
  let position = query.skip
  while (position < rows.length && value.length < query.top) {
    const row = present(rows[position++]!)
    if (matches(row, query.clauses)) value.push(pick(row, query.select))
  }
  const [path, search] = request.url.split('?', 2) as [string, string?]
  const next = new URLSearchParams(search)
  next.set('$skiptoken', Buffer.from(String(position)).toString('base64url'))
  return {
    '@odata.context': `${originOf(request)}/${contextPath.replace(/^\//, '')}`,
    ...(query.count ? { '@odata.count': rows.filter((row) => matches(present(row), query.clauses)).length } : {}),
    ...(position < rows.length ? { '@odata.nextLink': `${originOf(request)}${path}?${next.toString()}` } : {}),
    value
  }
}
