import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Stage } from './stage.js'

export interface Watch {
  /** Looks once more. Answers how often it could look, and what was wrong and when, at most a few of each kind. */
  end (): Promise<{ readonly looks: number, readonly wrong: readonly string[] }>
}

const EVERY_MS = 200
const TOLD_OF_EACH = 3

/**
 * What is true of every snapshot of the database, whatever happens: what is written together is there together. At the end much of
 * it would have healed: the next report or the next level of a phone covers what was lost before.
 */
const WRONG = {
  'a level that Intune lacks is in no outbox': sql<{ what: string }>`
    select s.device_id || ': ' || s.reported_version || ' of ' || s.desired_version as what from device_state s
    where s.desired_version > s.reported_version and not exists (select from intune_outbox o where o.device_id = s.device_id)`,
  'a row of the outbox is in a message that there is not': sql<{ what: string }>`
    select device_id || ': ' || message_id as what from intune_outbox o
    where message_id is not null and not exists (select from intune_message m where m.id = o.message_id)`,
  'a report of a group that is done is not in the state': sql<{ what: string }>`
    select r.device_id || ': ' || max(r.sequence) || ', state ' || coalesce(max(s.sequence), -1) as what from report r left join device_state s on s.device_id = r.device_id
    where not exists (select from unscored_group u where u.id = r.id / 1000) and not exists (select from quarantined_report q where q.id = r.id)
    group by r.device_id having max(r.sequence) > coalesce(max(s.sequence), -1)`,
  'the level is not the last of the history': sql<{ what: string }>`
    select s.device_id || ': ' || s.level || ', history ' || c.to_level as what from device_state s
    cross join lateral (select to_level from level_change l where l.device_id = s.device_id order by id desc limit 1) c
    where s.level is distinct from c.to_level`,
  'what Intune is to be told is not the last change of the feed': sql<{ what: string }>`
    select s.device_id || ': ' || s.desired_version || ' ' || s.desired_health || ', feed ' || c.version || ' ' || c.health as what from device_state s
    cross join lateral (
      select version, health from (
        select version, health, 0 as later, position as number from state_change where device_id = s.device_id
        union all select version, health, 1, id from state_change_waiting where device_id = s.device_id
      ) change order by version desc, later desc, number desc limit 1
    ) c
    where s.desired_version <> c.version or s.desired_health is distinct from c.health`
} as const

/** Looks again and again while all sorts of things happen. */
export function startWatch ({ db }: Stage): Watch {
  const over = new AbortController()
  const startedAt = performance.now()
  const wrong = new Map<string, string[]>()
  let looks = 0

  async function look (): Promise<void> {
    for (const [name, query] of Object.entries(WRONG)) {
      const { rows } = await query.execute(db)
      if (rows.length === 0) continue
      const told = wrong.get(name) ?? []
      wrong.set(name, told)
      if (told.length < TOLD_OF_EACH) told.push(`after ${((performance.now() - startedAt) / 1000).toFixed(1)} s ${name}: ${rows.map(({ what }) => what).join('; ')}`)
    }
    looks++
  }

  const running = (async () => {
    while (!over.signal.aborted) {
      // The database is away at times.
      await look().catch(() => {})
      await wait(EVERY_MS)
    }
  })()

  return {
    async end () {
      over.abort()
      await running
      await look()
      return { looks, wrong: [...wrong.values()].flat() }
    }
  }
}
