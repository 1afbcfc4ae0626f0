import type { GraphClient } from './graph-client.js'
import { isAllowedHost } from './https-agent.js'
import { IntuneError } from './intune-error.js'

/** Application id of the service principal "Microsoft Intune", which lists a tenant's endpoints; the same everywhere. */
const INTUNE_APP_ID = '0000000a-0000-0000-c000-000000000000'
const CACHE_MS = 24 * 60 * 60 * 1000
const MAX_PAGES = 20

export interface EndpointRow {
  readonly providerName: string
  readonly uri: string
}

export interface DiscoveryOptions {
  readonly graph: Pick<GraphClient, 'get'>
  /** Hosts that services may have; a leading dot means any host below it. */
  readonly allowedHosts: readonly string[]
  readonly now?: () => number
}

/** Where a tenant's Intune services are. */
export interface Discovery {
  /** Base address of the service, without a slash at its end. @throws IntuneError */
  findService (entraTenantId: string, providerName: string): Promise<string>
  /** To be called after a failed call: the tenant may have moved. */
  dropServices (entraTenantId: string): void
}

/** Looks services up in the tenant's own list through Graph, kept for a day. */
export function createDiscovery ({ graph, allowedHosts, now = Date.now }: DiscoveryOptions): Discovery {
  const cache = new Map<string, { readonly rows: Promise<EndpointRow[]>, readonly expiresAt: number }>()

  function rowsOf (entraTenantId: string): Promise<EndpointRow[]> {
    const cached = cache.get(entraTenantId)
    if (cached !== undefined && cached.expiresAt > now()) return cached.rows
    const rows = listEndpoints(graph, entraTenantId)
    const entry = { rows, expiresAt: now() + CACHE_MS }
    cache.set(entraTenantId, entry)
    rows.catch(() => { if (cache.get(entraTenantId) === entry) cache.delete(entraTenantId) })
    return rows
  }

  return {
    async findService (entraTenantId, providerName) {
      return chooseService(await rowsOf(entraTenantId), providerName, allowedHosts)
    },
    dropServices (entraTenantId) {
      cache.delete(entraTenantId)
    }
  }
}

async function listEndpoints (graph: Pick<GraphClient, 'get'>, entraTenantId: string): Promise<EndpointRow[]> {
  try {
    return await listPages(graph, entraTenantId, `/servicePrincipals/appId=${INTUNE_APP_ID}/endpoints`)
  } catch (error) {
    // Not every Graph understands the short form.
    if (!(error instanceof IntuneError) || error.failure !== 'rejected') throw error
  }
  const found = await graph.get(entraTenantId, `/servicePrincipals?$filter=appId eq '${INTUNE_APP_ID}'`)
  const id = stringOf(listOf(found, 'value')[0], 'id')
  if (id === undefined) throw new IntuneError('not-set-up', 'The tenant has no Microsoft Intune: its service principal is missing.')
  return await listPages(graph, entraTenantId, `/servicePrincipals/${encodeURIComponent(id)}/endPoints`)
}

async function listPages (graph: Pick<GraphClient, 'get'>, entraTenantId: string, path: string): Promise<EndpointRow[]> {
  const rows: EndpointRow[] = []
  let next: string | undefined = path
  for (let page = 0; next !== undefined && page < MAX_PAGES; page++) {
    const answer: unknown = await graph.get(entraTenantId, next)
    rows.push(...parseEndpoints(answer))
    next = stringOf(answer, '@odata.nextLink')
  }
  return rows
}

/** The rows of an answer that name a provider and a place. Real lists hold regions and counts among the addresses. */
export function parseEndpoints (answer: unknown): EndpointRow[] {
  return listOf(answer, 'value').flatMap((row) => {
    const providerName = stringOf(row, 'providerName')?.trim()
    const uri = stringOf(row, 'uri')?.trim()
    return providerName === undefined || uri === undefined ? [] : [{ providerName, uri }]
  })
}

const MAX_URI_LENGTH = 2_048

/**
 * The address to send a tenant's data and our tokens to. Only https and known hosts: the
 * list is the customer's, and a wrong row must not carry our token elsewhere.
 * @throws IntuneError `not-set-up`
 */
export function chooseService (rows: readonly EndpointRow[], providerName: string, allowedHosts: readonly string[]): string {
  const wanted = providerName.toLowerCase()
  const named = rows.filter((row) => row.providerName.toLowerCase() === wanted)
  for (const { uri } of named) {
    const url = uri.length <= MAX_URI_LENGTH && URL.canParse(uri) ? new URL(uri) : undefined
    if (url?.protocol === 'https:' && url.username === '' && isAllowedHost(url.hostname, allowedHosts)) return url.href.replace(/[?#].*$/, '').replace(/\/+$/, '')
  }
  throw new IntuneError('not-set-up', named.length === 0
    ? `The tenant's list of services has no ${providerName}.`
    : `The tenant's list names ${providerName} at ${named[0]!.uri.slice(0, MAX_URI_LENGTH)}, which is not an https address on an allowed host (INTUNE_ENDPOINT_HOSTS).`)
}

function listOf (value: unknown, key: string): unknown[] {
  const list = (value as Record<string, unknown> | null | undefined)?.[key]
  return Array.isArray(list) ? list : []
}

function stringOf (value: unknown, key: string): string | undefined {
  const text = (value as Record<string, unknown> | null | undefined)?.[key]
  return typeof text === 'string' && text !== '' ? text : undefined
}
