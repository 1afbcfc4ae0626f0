import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { StartedSallyport } from './started-sallyport.js'

/** What a phone was told it got through. */
export interface Acknowledged { readonly deviceId: string, readonly accepted: number, readonly lastSequence: number }

/** Looks into the database and at Intune: what counts is what arrived there, not what was sent. */
export interface Ledger {
  /** Reports scored so far, and when the last of them was. */
  scored (): Promise<{ readonly reports: number, readonly lastAtMs: number }>
  /** Groups of the journal that wait to be scored. */
  unscored (): Promise<number>
  /** Waits until every report is scored and Intune was told everything. */
  drained (): Promise<void>
  check (acknowledged: readonly Acknowledged[]): Promise<Checks>
  close (): Promise<void>
}

export interface Checks {
  readonly noLostReports: boolean
  readonly noDoubledReports: boolean
  readonly noUnscoredReports: boolean
  readonly intuneEqualsOurs: boolean
}

const POLL_MS = 50
const DRAIN_LIMIT_MS = 120_000

export async function openLedger ({ databaseUrl, simulatorUrl, entraTenantId }: Pick<StartedSallyport, 'databaseUrl' | 'simulatorUrl' | 'entraTenantId'>): Promise<Ledger> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()

  async function ask<Row> (text: string): Promise<Row[]> {
    return (await client.query(text)).rows as Row[]
  }

  async function checkReports (acknowledged: readonly Acknowledged[]): Promise<Omit<Checks, 'intuneEqualsOurs'>> {
    const stored = new Map((await ask<{ device_id: string, reports: string, distinct: string, last: string, merged: string | null }>(`
      select r.device_id, count(*) as reports, count(distinct r.report_id) as distinct, max(r.sequence) as last, max(s.sequence) as merged
      from report r left join device_state s on s.device_id = r.device_id group by r.device_id`)).map((row) => [row.device_id, row]))
    const [unscored] = await ask<{ waiting: string, aside: string }>(`
      select (select count(*) from unscored_group) as waiting, (select count(*) from quarantined_report) as aside`)
    const rows = acknowledged.map((phone) => ({ ...phone, row: stored.get(phone.deviceId) }))
    return {
      // More than acknowledged is allowed: an answer may have been lost on its way. Who got nothing through has nothing to lose, whatever he knew before.
      noLostReports: rows.every(({ accepted, lastSequence, row }) => accepted === 0 || (Number(row?.distinct ?? 0) >= accepted && Number(row?.last ?? 0) >= lastSequence)),
      noDoubledReports: [...stored.values()].every(({ reports, distinct }) => reports === distinct),
      noUnscoredReports: Number(unscored!.waiting) === 0 && Number(unscored!.aside) === 0 && [...stored.values()].every(({ last, merged }) => last === merged)
    }
  }

  async function checkIntune (): Promise<boolean> {
    const ours = await ask<{ entra_device_id: string, desired_health: string }>(
      'select d.entra_device_id, s.desired_health from device_state s join device d on d.id = s.device_id where s.desired_health is not null')
    const theirs = new Map<string, string>()
    for (let cursor: string | null = '0'; cursor !== null;) {
      const answer: Response = await fetch(`${simulatorUrl}/_sim/tenants/${entraTenantId}/devices?limit=10000&cursor=${cursor}`)
      const page = await answer.json() as { items: Array<{ entraDeviceId: string, threatState: string }>, nextCursor: string | null }
      for (const { entraDeviceId, threatState } of page.items) theirs.set(entraDeviceId.toLowerCase(), threatState)
      cursor = page.nextCursor
    }
    return ours.length > 0 && ours.every((row) => theirs.get(row.entra_device_id.toLowerCase()) === row.desired_health)
  }

  return {
    async scored () {
      const [row] = await ask<{ reports: string, last: Date | null }>(`
        select (select count(*) from report) - (select coalesce(sum(reports), 0) from unscored_group) as reports, max(assessed_at) as last from device_state`)
      return { reports: Number(row!.reports), lastAtMs: row!.last?.getTime() ?? 0 }
    },
    async unscored () {
      const [row] = await ask<{ count: string }>('select count(*) as count from unscored_group')
      return Number(row!.count)
    },
    async drained () {
      const deadline = Date.now() + DRAIN_LIMIT_MS
      for (;;) {
        const [row] = await ask<{ rest: string }>('select (select count(*) from unscored_group) + (select count(*) from intune_outbox) as rest')
        if (Number(row!.rest) === 0) return
        // What is left then is what the checks are there to find.
        if (Date.now() > deadline) return
        await wait(POLL_MS)
      }
    },
    async check (acknowledged) {
      return { ...await checkReports(acknowledged), intuneEqualsOurs: await checkIntune() }
    },
    close: async () => await client.end()
  }
}
