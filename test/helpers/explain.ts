import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Test } from 'tap'
import { asRole, type RoleKind } from '../../src/platform/access/database-roles.js'
import type { Database } from '../../src/platform/database.js'
import { preparing } from '../../src/platform/prepared-statements.js'
import type { Schema } from '../../src/platform/schema.js'
import { inTenant, tenantPool } from '../../src/platform/tenant-scope.js'

/** How a statement is answered. */
export interface Plan {
  readonly statement: string
  /** Tables and indexes in the order of the plan: `device_tenant_id_idx`, `all of device`. */
  readonly reads: readonly string[]
  /** It sorts what a scan of a tenant gave, and not what a phone has. */
  readonly sorts: boolean
}

interface PlanNode { readonly 'Node Type': string, readonly 'Index Name'?: string, readonly 'Relation Name'?: string, readonly 'Subplan Name'?: string, readonly Plans?: readonly PlanNode[] }

/** Asks as a role of one tenant, then for the plan of each statement as that role and as the owner, whom no policy concerns. */
export async function explainBoth (t: Test, url: string, role: RoleKind, tenantId: string, ask: (db: Database) => Promise<unknown>): Promise<Array<{ readonly asRole: Plan, readonly asOwner: Plan }>> {
  const pool = new pg.Pool({ connectionString: asRole(url, role), max: 1 })
  const asked: Array<{ readonly text: string, readonly values: readonly unknown[] }> = []
  const db: Database = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: tenantPool(preparing(pool)) }),
    log ({ query: { sql: text, parameters: values } }) { if (/^\s*(?:select|with)\b/i.test(text)) asked.push({ text, values }) }
  })
  try {
    await inTenant(tenantId, async () => await ask(db))
  } finally {
    await db.destroy()
  }
  const [one, owner] = await Promise.all([asRole(url, role), url].map(async (connectionString) => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    t.teardown(async () => await client.end())
    return client
  })) as [pg.Client, pg.Client]
  const explain = async (client: pg.Client, { text, values }: typeof asked[number]): Promise<Plan> => {
    await client.query(`begin; set local sallyport.tenant_id = '${tenantId}'`)
    const { rows: [row] } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(`explain (format json) ${text}`, [...values])
    await client.query('rollback')
    return toPlan(text, row!['QUERY PLAN'][0].Plan)
  }
  const plans = []
  for (const statement of asked) plans.push({ asRole: await explain(one, statement), asOwner: await explain(owner, statement) })
  return plans
}

function toPlan (statement: string, root: PlanNode): Plan {
  const reads: string[] = []
  let sorts = false
  const walk = (node: PlanNode, within: boolean): void => {
    const isWithin = within || node['Subplan Name'] !== undefined
    if (node['Index Name'] !== undefined) reads.push(node['Index Name'])
    else if (node['Node Type'] === 'Seq Scan') reads.push(`all of ${node['Relation Name']!}`)
    if (/Sort$/.test(node['Node Type']) && !isWithin) sorts = true
    for (const child of node.Plans ?? []) walk(child, isWithin)
  }
  walk(root, false)
  return { statement, reads, sorts }
}
