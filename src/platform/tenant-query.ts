import pg from 'pg'

/** The setting by which row-level security tells whose rows a transaction sees. */
export const TENANT_SETTING = 'sallyport.tenant_id'

const SET_TENANT = { name: 'set_tenant', text: `select set_config('${TENANT_SETTING}', $1, true)` }

/** What queries of `pg` send and keep on a connection. */
interface Wire {
  readonly parsedStatements: Record<string, string>
  parse (statement: { readonly name: string, readonly text: string }): void
  bind (portal: { readonly statement: string, readonly values: readonly string[] }): void
  execute (portal: object): void
}

/** A query of `pg` as it is, of which its types show less. */
interface WireQuery extends pg.Submittable {
  readonly name: string | undefined
  prepare (connection: Wire): void
  handleDataRow (message: unknown): void
  handleCommandComplete (message: unknown, connection: Wire): void
  handleError (error: Error, connection: Wire): void
}
type Done = (error: Error | null, result: pg.QueryResult) => void
const Query = pg.Query as unknown as new (config: object, done: Done) => WireQuery

/**
 * A statement about one tenant that is a transaction of its own, in one message: what comes before `Sync` in the extended protocol
 * is one transaction, with which the setting ends. `begin`, the statement and `commit` would be three round trips.
 */
class TenantQuery extends Query {
  readonly #tenantId: string
  #isSet = false
  #wasParsed = false

  constructor (tenantId: string, config: pg.QueryConfig, done: Done) {
    // Also without parameters: the simple protocol has no such transactions.
    super({ ...config, queryMode: 'extended' }, done)
    this.#tenantId = tenantId
  }

  override prepare (connection: Wire): void {
    this.#wasParsed = this.name !== undefined && connection.parsedStatements[this.name] !== undefined
    if (connection.parsedStatements[SET_TENANT.name] === undefined) connection.parse(SET_TENANT)
    connection.bind({ statement: SET_TENANT.name, values: [this.#tenantId] })
    connection.execute({})
    super.prepare(connection)
  }

  override handleDataRow (message: unknown): void {
    if (this.#isSet) super.handleDataRow(message)
  }

  override handleCommandComplete (message: unknown, connection: Wire): void {
    if (this.#isSet) return super.handleCommandComplete(message, connection)
    this.#isSet = true
    connection.parsedStatements[SET_TENANT.name] = SET_TENANT.text
    // The server's word that it had parsed was about the setting; whether it will parse the statement is not told yet.
    if (this.name !== undefined && !this.#wasParsed) delete connection.parsedStatements[this.name]
  }

  override handleError (error: Error, connection: Wire): void {
    if (!this.#isSet && this.name !== undefined && !this.#wasParsed) delete connection.parsedStatements[this.name]
    super.handleError(error, connection)
  }
}

/** Runs one statement that sees this tenant's rows alone. The tenant is set for it and for nothing else on the connection. */
export async function queryInTenant (client: pg.ClientBase, tenantId: string, config: pg.QueryConfig): Promise<pg.QueryResult> {
  try {
    return await new Promise((resolve, reject) => {
      client.query(new TenantQuery(tenantId, config, (error, result) => { if (error === null) resolve(result); else reject(error) }))
    })
  } catch (error) {
    // As `pg` does it: from here on the stack leads to whoever asked, and not to a socket.
    Error.captureStackTrace(error as Error)
    throw error
  }
}
