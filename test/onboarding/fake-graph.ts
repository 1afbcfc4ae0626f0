import { randomUUID } from 'node:crypto'
import type { GraphClient, GraphRequest } from '../../src/intune/graph-client.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { checkRequest } from '../intune/graph-facts.js'

type Row = Record<string, unknown>
type CollectionName = 'mobileThreatDefenseConnectors' | 'mobileApps' | 'mobileAppConfigurations' | 'deviceCompliancePolicies'

export interface FakeGraph extends Pick<GraphClient, 'send'> {
  /** What is there; assignments are kept under `assignments`. */
  readonly rows: Record<CollectionName, Row[]>
  readonly groups: Map<string, { readonly displayName: string, readonly memberTypes: readonly string[] }>
  /** Every request but reading. */
  readonly changes: GraphRequest[]
  /** Told of each change before and after it is done; may throw. */
  hook: (when: 'before' | 'after', request: GraphRequest) => void
  /** Paths that are refused, as without the permission. */
  forbidden: RegExp | undefined
}

/** As much of Graph as setting up needs, in memory; refuses what Microsoft's documentation does not know. */
export function fakeGraph (): FakeGraph {
  const graph: FakeGraph = {
    rows: { mobileThreatDefenseConnectors: [], mobileApps: [], mobileAppConfigurations: [], deviceCompliancePolicies: [] },
    groups: new Map(),
    changes: [],
    hook: () => {},
    forbidden: undefined,
    async send (_tenant, request) {
      const { method, path } = request
      if (graph.forbidden?.test(path) === true) throw new IntuneError('unauthorized', `Microsoft Graph answered 403: Forbidden. The app needs ${request.permission ?? ''} and an administrator's consent.`, { status: 403 })
      const faults = checkRequest(request)
      if (faults.length > 0) throw new IntuneError('rejected', `Microsoft Graph answered 400: ${faults.join('; ')}`, { status: 400 })
      if (method === 'GET') return structuredClone(read(path))
      graph.hook('before', request)
      graph.changes.push(structuredClone(request))
      const answer = change(request)
      graph.hook('after', request)
      return structuredClone(answer)
    }
  }

  const notFound = (): never => { throw new IntuneError('rejected', 'Microsoft Graph answered 404: ResourceNotFound', { status: 404 }) }

  function read (path: string): unknown {
    const [address = ''] = path.split('?')
    const [, root, collection = '', id, more] = address.split('/')
    if (root === 'groups') {
      const group = graph.groups.get(collection) ?? notFound()
      return id === 'members' ? { value: group.memberTypes.map((type) => ({ '@odata.type': `#microsoft.graph.${type}`, id: randomUUID() })) } : { id: collection, displayName: group.displayName }
    }
    const rows = graph.rows[collection as CollectionName]
    if (id === undefined) return { value: rows.map(({ assignments, ...row }) => row) }
    const row = rows.find((one) => one.id === id) ?? notFound()
    return more === 'assignments' ? { value: row.assignments ?? [] } : row
  }

  function change ({ method, path, body }: GraphRequest): unknown {
    const [, , collection = '', id, action] = path.split('/')
    const rows = graph.rows[collection as CollectionName]
    if (method === 'POST' && id === undefined) {
      const row = { id: randomUUID(), ...body as Row, assignments: [] }
      rows.push(row)
      return row
    }
    const row = rows.find((one) => one.id === id) ?? notFound()
    if (action === 'assign') {
      row.assignments = Object.values(body as Row)[0]
    } else if (method === 'PATCH') {
      Object.assign(row, body)
    } else if (method === 'DELETE') {
      rows.splice(rows.indexOf(row), 1)
    }
    return undefined
  }

  return graph
}
