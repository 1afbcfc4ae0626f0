import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import { judgeSoon } from './directory-repository.js'
import type { MemberChange } from './graph-rows.js'

/** An Entra group that an operator chose. */
export interface ChosenGroup {
  readonly number: number
  /** Object id or display name, as it was given. */
  readonly wanted: string
  readonly entraGroupId: string | null
  readonly name: string | null
  readonly fault: string | null
}

export async function listChosenGroups (db: Database, tenantId: string): Promise<ChosenGroup[]> {
  const rows = await db.selectFrom('directory_group').select(['number', 'wanted', 'entra_group_id', 'name', 'fault'])
    .where('tenant_id', '=', tenantId).orderBy('number').execute()
  return rows.map((row) => ({ number: row.number, wanted: row.wanted, entraGroupId: row.entra_group_id, name: row.name, fault: row.fault }))
}

/** Makes these the chosen groups; those that stay keep their members. Phones of the others are judged anew. */
export async function replaceChosenGroups (tx: Tx, tenantId: string, wanted: readonly string[]): Promise<void> {
  const { rows } = await sql<{ number: number }>`
    select number from directory_group where tenant_id = ${tenantId} and wanted <> all(${wanted}::text[]) for update`.execute(tx)
  const dropped = rows.map(({ number }) => number)
  if (dropped.length > 0) {
    const { rows: devices } = await sql<{ id: string }>`
      select id from device where tenant_id = ${tenantId} and directory_groups && ${dropped}::integer[] order by id`.execute(tx)
    await judgeSoon(tx, devices.map(({ id }) => id))
    await sql`
      update device set directory_groups = nullif(array(select g from unnest(directory_groups) g where g <> all(${dropped}::integer[]) order by g), '{}')
      where id = any(${devices.map(({ id }) => id)}::uuid[])`.execute(tx)
    await tx.deleteFrom('directory_group').where('number', 'in', dropped).execute()
  }
  await sql`
    insert into directory_group (tenant_id, wanted) select ${tenantId}, wanted from unnest(${wanted}::text[]) wanted
    on conflict (tenant_id, wanted) do nothing`.execute(tx)
}

export interface FoundGroup {
  readonly number: number
  readonly entraGroupId: string | null
  readonly name: string | null
  readonly fault: string | null
}

/** Writes down what was found of a chosen group; its phones are judged anew when policies know it by another name now. */
export async function saveFoundGroup (tx: Tx, { number, entraGroupId, name, fault }: FoundGroup): Promise<void> {
  const { rows } = await sql<{ number: number }>`
    update directory_group set entra_group_id = ${entraGroupId}, name = coalesce(${name}, name), fault = ${fault}
    where number = ${number} and (entra_group_id is distinct from ${entraGroupId} or name is distinct from coalesce(${name}, name) or fault is distinct from ${fault})
    returning number`.execute(tx)
  if (rows.length === 0) return
  if (entraGroupId === null) await tx.deleteFrom('directory_member').where('group_number', '=', number).execute()
  const { rows: devices } = await sql<{ id: string }>`
    select d.id from device d join directory_group g on g.tenant_id = d.tenant_id where g.number = ${number} and d.directory_groups @> array[g.number] order by d.id`.execute(tx)
  await judgeSoon(tx, devices.map(({ id }) => id))
}

/** Members that came and went. */
export async function saveMembers (tx: Tx, { tenantId, roundId }: { readonly tenantId: string, readonly roundId: number }, changes: readonly MemberChange[]): Promise<void> {
  const list = JSON.stringify(changes)
  const told = sql`
    select g.number, c."memberId" as member_id, c."isRemoved" as is_removed
    from jsonb_to_recordset(${list}::jsonb) as c("entraGroupId" uuid, "memberId" uuid, "isRemoved" boolean)
    join directory_group g on g.tenant_id = ${tenantId} and g.entra_group_id = c."entraGroupId"`
  await sql`
    insert into directory_member (group_number, member_id, seen_round) select t.number, t.member_id, ${roundId} from (${told}) t where not t.is_removed
    on conflict (group_number, member_id) do update set seen_round = excluded.seen_round`.execute(tx)
  await sql`delete from directory_member m using (${told}) t where t.is_removed and m.group_number = t.number and m.member_id = t.member_id`.execute(tx)
}

/** After all members were listed: drops those that were not, of the groups that were. */
export async function dropUnlistedMembers (tx: Tx, { tenantId, roundId }: { readonly tenantId: string, readonly roundId: number }, entraGroupIds: readonly string[]): Promise<void> {
  await sql`
    delete from directory_member m using directory_group g
    where g.number = m.group_number and g.tenant_id = ${tenantId} and m.seen_round < ${roundId} and g.entra_group_id = any(${entraGroupIds}::uuid[])`.execute(tx)
}

/** A group that is no longer in Entra has no members. */
export async function dropGroupMembers (tx: Tx, { tenantId }: { readonly tenantId: string }, entraGroupIds: readonly string[]): Promise<void> {
  await sql`
    delete from directory_member m using directory_group g
    where g.number = m.group_number and g.tenant_id = ${tenantId} and g.entra_group_id = any(${entraGroupIds}::uuid[])`.execute(tx)
}

export async function countMembers (db: Database, tenantId: string): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql<{ number: number, members: number }>`
    select g.number, count(m.member_id) as members from directory_group g left join directory_member m on m.group_number = g.number
    where g.tenant_id = ${tenantId} group by g.number`.execute(db)
  return new Map(rows.map(({ number, members }) => [number, members]))
}
