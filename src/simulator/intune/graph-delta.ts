import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { TrackedKind } from './change-tracking.js'
import { DEVICE_ROLES, GROUP_ROLES, presentDevice, presentGroup, presentUser, USER_ROLES } from './graph-directory.js'
import { badRequest, GraphError } from './graph-errors.js'
import type { GraphRoutesOptions } from './graph-scope.js'
import { propertyNames } from './graph-types.js'
import { originOf, parseSelect, pick } from './odata.js'
import type { Group, Tenant } from './tenant.js'

const PAGE_SIZE = 100
const MAX_PAGE_SIZE = 999
/** Members of a large group come in parts, so the group is there several times. */
const MEMBERS_A_ROW = 200
/** Rounds of paging under way; an older one is put together again when asked on. */
const MAX_ROUNDS = 16

const OPTIONS: Readonly<Record<TrackedKind, readonly string[]>> = {
  users: ['$select', '$filter', '$deltatoken', '$skiptoken'],
  groups: ['$select', '$filter', '$deltatoken', '$skiptoken'],
  devices: ['$select', '$filter', '$deltatoken', '$skiptoken', '$top']
}

/** Where a caller stands, in a token it cannot read. */
interface Position {
  readonly kind: TrackedKind
  /** Changes up to this number the caller has. */
  readonly since: number
  /** Changes up to this number are in this round; 0: no round yet. */
  readonly until: number
  /** The last row of the page before, and how many rows of the same object it held. */
  readonly after: string
  readonly part: number
  /** A page's size, when the caller said one at the beginning. */
  readonly top?: number
  readonly select?: string
  readonly ids?: readonly string[]
}

/** One object and the rows it becomes. */
interface Entry {
  readonly id: string
  readonly rows: () => Array<Record<string, unknown>>
}

/**
 * Change tracking of Entra: all there is, page by page, then a link that later leads to what has
 * changed since. Rows come in no useful order; what changes while the pages are read comes in
 * the next round.
 */
export const deltaRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const rounds = new Map<string, Entry[]>()

  /** What has changed between two numbers, in the order of ids. */
  function entriesOf (tenant: Tenant, { kind, since, until, ids }: Position): Entry[] {
    const isIn = (change: number): boolean => change > since && change <= until
    const entries: Entry[] = []
    // A first answer tells what is there; only later ones tell what is not.
    if (since > 0) {
      for (const [id, { change, reason }] of tenant.changes.removals(kind)) {
        if (isIn(change)) entries.push({ id, rows: () => [{ id, '@removed': { reason } }] })
      }
    }
    if (kind === 'users') {
      for (const user of tenant.users.values()) if (isIn(user.change)) entries.push({ id: user.id, rows: () => [presentUser(user)] })
    } else if (kind === 'devices') {
      for (const device of tenant.devices.values()) if (isIn(device.change)) entries.push({ id: device.entraObjectId, rows: () => [presentDevice(device)] })
    } else {
      for (const group of tenant.groups.values()) {
        const members = memberChanges(tenant, group, isIn, since > 0)
        if (isIn(group.change) || members.length > 0) entries.push({ id: group.id, rows: () => groupRows(group, members) })
      }
    }
    const wanted = ids === undefined ? entries : entries.filter(({ id }) => ids.includes(id))
    return wanted.sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  }

  function roundOf (tenant: Tenant, position: Position): Entry[] {
    const key = JSON.stringify([tenant.id, position.kind, position.since, position.until, position.ids])
    let entries = rounds.get(key)
    if (entries === undefined) {
      rounds.set(key, entries = entriesOf(tenant, position))
      if (rounds.size > MAX_ROUNDS) rounds.delete(rounds.keys().next().value!)
    }
    return entries
  }

  for (const [kind, roles, typeName] of [['users', USER_ROLES, 'user'], ['groups', GROUP_ROLES, 'group'], ['devices', DEVICE_ROLES, 'device']] as const) {
    app.get<{ Querystring: Record<string, string> }>(`/${kind}/delta`, { config: { roles } }, async (request) => {
      const { tenant } = request
      const link = (name: '$deltatoken' | '$skiptoken', position: Position): string =>
        `${originOf(request)}/${version}/${kind}/delta?${name}=${encode(position)}`
      const { position, top } = readQuery(request, kind, tenant)
      if (position === 'latest') return { '@odata.context': `${originOf(request)}/${version}/$metadata#${kind}/$entity`, '@odata.deltaLink': link('$deltatoken', start(request, kind, tenant.changes.last)), value: [] }

      if (position.until === 0) {
        if (request.takeFault('delta-token-expired') !== undefined) {
          throw new GraphError(410, 'syncStateNotFound', 'The delta token is too old. Start a new synchronization without one.')
        }
        // What has become noncompliant by the passing of time has changed too.
        if (kind === 'devices') for (const device of tenant.devices.values()) store.evaluate(tenant, device)
      }
      const round: Position = position.until === 0 ? { ...position, until: tenant.changes.last } : position
      const select = parseSelect(round.select, [...propertyNames(typeName, version), ...(kind === 'groups' ? ['members'] : [])], typeName)
      const shown = select === undefined ? undefined : [...new Set(['id', '@removed', ...select.map((name) => name === 'members' ? 'members@delta' : name)])]
      const { rows, next } = readPage(roundOf(tenant, round), round, top, tenant.deltaDuplicates)
      return {
        '@odata.context': `${originOf(request)}/${version}/$metadata#${kind}`,
        ...(next === undefined
          ? { '@odata.deltaLink': link('$deltatoken', { ...round, since: round.until, until: 0, after: '', part: 0 }) }
          : { '@odata.nextLink': link('$skiptoken', { ...round, ...next }) }),
        value: rows.map((row) => defined(pick(row, shown)))
      }
    })
  }
}

const defined = (row: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))

/** The rows after the position. With `duplicates`, a page begins with the row that the one before ended with, as Graph allows itself. */
function readPage (entries: readonly Entry[], { after, part }: Position, top: number, duplicates: boolean): { rows: Array<Record<string, unknown>>, next?: Pick<Position, 'after' | 'part'> } {
  let index = firstIndex(entries, after)
  const rows: Array<Record<string, unknown>> = []
  let skip = part
  if (duplicates && after !== '') {
    const previous = entries[skip > 0 ? index : index - 1]
    const again = previous?.rows()[skip > 0 ? skip - 1 : 0]
    if (again !== undefined) rows.push(again)
  }
  for (let taken = 0; index < entries.length; index++, skip = 0) {
    const { id, rows: make } = entries[index]!
    const all = make()
    for (let number = skip; number < all.length; number++) {
      if (taken === top) return { rows, next: number === 0 ? { after: entries[index - 1]!.id, part: 0 } : { after: id, part: number } }
      rows.push(all[number]!)
      taken++
    }
  }
  return { rows }

  /** Binary search: the first entry that is not wholly read. */
  function firstIndex (sorted: readonly Entry[], id: string): number {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle]!.id < id || (part === 0 && sorted[middle]!.id === id)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function memberChanges (tenant: Tenant, group: Group, isIn: (change: number) => boolean, tellRemovals: boolean): Array<Record<string, unknown>> {
  const idOf = (member: string): string => group.kind === 'user' ? member : tenant.devices.get(member)?.entraObjectId ?? member
  const type = `#microsoft.graph.${group.kind}`
  const came = [...group.members].filter(([, change]) => isIn(change)).map(([member]) => ({ '@odata.type': type, id: idOf(member) }))
  const went = tellRemovals
    ? [...group.left].filter(([, change]) => isIn(change)).map(([member]) => ({ '@odata.type': type, id: idOf(member), '@removed': { reason: 'deleted' } }))
    : []
  return [...came, ...went]
}

function groupRows (group: Group, members: ReadonlyArray<Record<string, unknown>>): Array<Record<string, unknown>> {
  if (members.length === 0) return [presentGroup(group)]
  const rows = []
  for (let start = 0; start < members.length; start += MEMBERS_A_ROW) {
    rows.push({ ...presentGroup(group), 'members@delta': members.slice(start, start + MEMBERS_A_ROW) })
  }
  return rows
}

/** @throws GraphError */
function readQuery (request: FastifyRequest, kind: TrackedKind, tenant: Tenant): { position: Position | 'latest', top: number } {
  const options = new Map<string, string>()
  for (const [name, value] of Object.entries(request.query as Record<string, unknown>)) {
    const option = name.toLowerCase() === '$deltatoken' || name.toLowerCase() === '$skiptoken' ? name.toLowerCase() : name
    if (!OPTIONS[kind].includes(option)) throw badRequest(`The query option '${name}' is not supported for change tracking of ${kind}.`)
    if (typeof value !== 'string') throw badRequest(`Query option '${name}' was specified more than once, but it must be specified at most once.`)
    options.set(option, value)
  }
  const wanted = sizeOf(request, options.get('$top'))
  const token = options.get('$skiptoken') ?? options.get('$deltatoken')
  if (token === undefined) return { position: { ...start(request, kind, 0), ...(wanted === undefined ? {} : { top: wanted }) }, top: wanted ?? PAGE_SIZE }
  if (token === 'latest') return { position: 'latest', top: PAGE_SIZE }
  const position = decode(token)
  if (position === undefined || position.kind !== kind) throw badRequest('The token in the request is not valid: Badly formed token.')
  if (position.until > tenant.changes.last || position.since > tenant.changes.last) {
    throw new GraphError(410, 'syncStateNotFound', 'The delta token is not one of this tenant. Start a new synchronization without one.')
  }
  return { position, top: wanted ?? position.top ?? PAGE_SIZE }
}

/** A page's size: `$top` where it is allowed, or the caller's preference. */
function sizeOf (request: FastifyRequest, $top: string | undefined): number | undefined {
  if ($top !== undefined && !/^[1-9]\d{0,5}$/.test($top)) throw badRequest(`Invalid value '${$top}' for $top query option found. The $top query option requires a positive integer value.`)
  const preferred = /\bodata\.maxpagesize=(\d{1,6})\b/.exec(String(request.headers.prefer ?? ''))?.[1]
  const wanted = $top ?? preferred
  return wanted === undefined ? undefined : Math.min(Math.max(Number(wanted), 1), MAX_PAGE_SIZE)
}

/** Tracking of some objects only: `id eq '…' or id eq '…'`. */
function start (request: FastifyRequest, kind: TrackedKind, since: number): Position {
  const { $select, $filter } = request.query as Record<string, string | undefined>
  let ids: string[] | undefined
  if ($filter !== undefined) {
    if (!/^\s*id eq '[\w-]+'(?:\s+or\s+id eq '[\w-]+')*\s*$/.test($filter)) throw badRequest("Change tracking can be filtered by 'id eq' only, joined by 'or'.")
    ids = [...$filter.matchAll(/'([\w-]+)'/g)].map(([, id]) => id!.toLowerCase())
    if (ids.length > 50) throw badRequest('Change tracking can be filtered by at most 50 ids.')
  }
  return { kind, since, until: 0, after: '', part: 0, ...($select === undefined ? {} : { select: $select }), ...(ids === undefined ? {} : { ids }) }
}

const encode = (position: Position): string => Buffer.from(JSON.stringify(position)).toString('base64url')

function decode (token: string): Position | undefined {
  try {
    const position = JSON.parse(Buffer.from(token, 'base64url').toString()) as Position
    return Number.isInteger(position.since) && Number.isInteger(position.until) && Number.isInteger(position.part) && typeof position.after === 'string' ? position : undefined
  } catch {
    return undefined
  }
}
