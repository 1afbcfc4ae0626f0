import { sql } from 'kysely'

/**
 * What counts of a phone `d` (table device): what operators said, and beneath it what the
 * directory says (docs/reconciliation.md). An operator's ownership wins; groups are added.
 */
export const OWNERSHIP = sql`coalesce(d.ownership, d.directory_ownership) as ownership`
// Most phones are in no chosen group, so the function is not even called.
export const ENTRA_GROUPS = sql`case when d.directory_groups is null then d.entra_groups else d.entra_groups || directory_group_names(d.directory_groups) end as entra_groups`
