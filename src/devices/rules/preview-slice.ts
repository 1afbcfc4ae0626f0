import { setImmediate as breathe } from 'node:timers/promises'
import { sql } from 'kysely'
import type { IntelView } from '../../intel/intel-view.js'
import type { Tx } from '../../platform/database.js'
import { assess, type AssessInput } from '../../risk/assess.js'
import type { Assessment } from '../../risk/assessment.js'
import type { Level } from '../../risk/level.js'
import type { DeviceState, KeptEvent, Platform } from '../../telemetry/device-state.js'
import type { AppInventories } from '../app-inventories.js'
import { ENTRA_GROUPS, OWNERSHIP } from '../device-attributes.js'
import { fromColumns, type StoredState } from '../stored-state.js'
import { addPhone, createTally, type PreviewTally } from './preview-tally.js'
import { rulesForPhone, type TenantRules } from './tenant-rules.js'

export interface PreviewSlice {
  readonly tenantId: string
  readonly rules: TenantRules
  /** Phones whose id is not below this, and below `before`; undefined: all others. */
  readonly from: string | undefined
  readonly before: string | undefined
  readonly now: Date
}

export interface PreviewSliceDeps {
  /** Its snapshot is what is previewed. */
  readonly tx: Tx
  readonly intel: IntelView
  readonly apps: AppInventories
  /** Told how many more are done. */
  readonly onProgress?: (devices: number) => Promise<void> | void
  /** For tests; the whole catalogue by default. */
  readonly assess?: ((input: AssessInput) => Assessment) | undefined
}

/** Lists of apps worth keeping at hand: each is asked for once. */
export const PREVIEW_LISTS = 100
const PAGE = 500
/** Phones judged before others get a turn. */
const BREATH = 25

/** Judges some of a tenant's phones, page by page; memory is that of two pages, whatever their number. */
export async function previewSlice ({ tx, intel, apps, onProgress, assess: judge = assess }: PreviewSliceDeps, { tenantId, rules, from, before, now }: PreviewSlice): Promise<PreviewTally> {
  const tally = createTally()
  await sql`declare phones no scroll cursor for
    select s.device_id, d.platform, ${OWNERSHIP}, d.tags, ${ENTRA_GROUPS}, s.sequence, s.state, s.older_events, s.apps_digest, s.level
    from device_state s join device d on d.id = s.device_id
    where s.tenant_id = ${tenantId} and s.level is not null and d.retired_at is null and d.erased_at is null
      ${from === undefined ? sql`` : sql`and s.device_id >= ${from}`} ${before === undefined ? sql`` : sql`and s.device_id < ${before}`}`.execute(tx)
  for (let page = await readPage(tx, apps); page.length > 0;) {
    // The database fetches the next while these are judged.
    const next = readPage(tx, apps)
    for (const [index, phone] of page.entries()) {
      const { policy, groups, suppressions } = rulesForPhone(rules, phone.deviceId, phone)
      addPhone(tally, phone, judge({ platform: phone.platform, state: phone.state, intel, policy, suppressions, now }), groups)
      if (index % BREATH === BREATH - 1) await breathe()
    }
    await onProgress?.(page.length)
    page = await next
  }
  return tally
}

interface StoredPhone {
  readonly deviceId: string
  readonly platform: Platform
  readonly ownership: 'corporate' | 'personal' | null
  readonly tags: readonly string[]
  readonly entraGroups: readonly string[]
  readonly state: DeviceState
  readonly level: Level
}

async function readPage (tx: Tx, apps: AppInventories): Promise<StoredPhone[]> {
  const { rows } = await sql<{
    device_id: string, platform: Platform, ownership: 'corporate' | 'personal' | null, tags: string[], entra_groups: string[], sequence: number
    state: Partial<StoredState>, older_events: KeptEvent[] | null, apps_digest: string | null, level: Level
  }>`fetch ${sql.lit(PAGE)} from phones`.execute(tx)
  const lists = await apps.read(tx, rows.map(({ device_id: deviceId, apps_digest: digest }) => ({ deviceId, digest })))
  return rows.map((row) => ({
    deviceId: row.device_id,
    platform: row.platform,
    ownership: row.ownership,
    tags: row.tags,
    entraGroups: row.entra_groups,
    state: fromColumns({ state: row.state, olderEvents: row.older_events }, row.sequence, lists.get(row.device_id)),
    level: row.level
  }))
}
