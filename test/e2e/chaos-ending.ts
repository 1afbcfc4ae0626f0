import { type RawBuilder, sql } from 'kysely'
import type { Queues } from '../../src/platform/queues.js'
import { waitingGroups } from '../helpers/journal.js'
import { activeJobs, setFaults } from './chaos-events.js'
import { type LoggedPhone, say } from './stage-phones.js'
import { type Stage, until } from './stage.js'

/** Customers that the ending needs: each fault has one to itself, so that nothing that happens there heals it. */
export const ENDING_TENANTS = 3

const WELL = { isBroken: false, isLocked: true }
const IN_DANGER = { isBroken: true, isLocked: true }
/** Intune takes so long over a message; longer with each try, for a slow machine. */
const MESSAGE_MS = 1_500
const TRIES = 4
/** Longer than Intune is left alone after it failed. */
const REST_MS = 180_000

/**
 * What dice hit too seldom, or what the next report heals before anybody looks: faults at the one moment that matters, on a fleet at
 * rest. Answers what each hit.
 */
export async function playEnding (stage: Stage, queues: Queues, phones: readonly LoggedPhone[]): Promise<Record<string, number>> {
  await say(stage.apiUrls, phones, WELL)
  await atRest(stage, queues, REST_MS)
  // Of some, other things are known as well that are as bad.
  const high = new Set((await stage.db.selectFrom('device_state').select('device_id').where('desired_health', '=', 'highSeverity').execute()).map((row) => row.device_id))
  const [swept, adopted, woken] = stage.tenants.map((tenant) => phones.filter((one) => one.tenant === tenant && !high.has(one.deviceId))) as [LoggedPhone[], LoggedPhone[], LoggedPhone[]]
  return {
    'a level changes while Intune is told the last': await tries(async (messageMs) => await changeWhileTold(stage, queues, swept, messageMs)),
    ...await tries(async (messageMs) => await loseAllInHand(stage, queues, { swept, adopted, woken }, messageMs))
  }
}

async function tries<T extends number | Record<string, number>> (play: (messageMs: number) => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    const hits = await play(MESSAGE_MS * 2 ** (count - 1))
    if (count === TRIES || Object.values(typeof hits === 'number' ? { hits } : hits).every((hit) => hit > 0)) return hits
  }
}

/** Nothing waits and nobody works on anything: no job that comes back can take what was lost along. */
async function atRest ({ db }: Stage, queues: Queues, limitMs?: number): Promise<void> {
  // What was put off while a clock ran ahead would be in its turn after as long.
  for (const name of ['score', 'sync'] as const) await queues.queue(name).promoteJobs()
  await until(async () => {
    if ((await waitingGroups(db)).length > 0 || (await sql`select from intune_outbox`.execute(db)).rows.length > 0) return false
    for (const name of ['score', 'sync'] as const) {
      const { active, waiting, delayed, prioritized } = (await queues.counts())[name]
      if (active! + waiting! + delayed! + prioritized! > 0) return false
    }
    return true
  }, 'all is at rest', limitMs)
}

/** Answers how many phones had a newer level while an older one was under way. */
async function changeWhileTold (stage: Stage, queues: Queues, phones: readonly LoggedPhone[], messageMs: number): Promise<number> {
  const overtaken = await overtake(stage, phones, messageMs)
  await setFaults(stage.simulator, [])
  await atRest(stage, queues)
  return overtaken
}

/** These phones get into danger and, while Intune is told so, out of it again. Answers how many had a newer level meanwhile. */
async function overtake (stage: Stage, phones: readonly LoggedPhone[], messageMs: number): Promise<number> {
  await setFaults(stage.simulator, [{ kind: 'message-delayed', delayMs: messageMs, match: { tenant: phones[0]!.tenant.entraTenantId } }])
  await say(stage.apiUrls, phones, IN_DANGER)
  await until(async () => await countPhones(stage, phones, IS_HIGH) === phones.length, 'they are in danger')
  // The first message may have taken only some of them.
  await until(async () => await countPhones(stage, phones, sql`o.message_id is not null or s.reported_version = s.desired_version`) === phones.length, 'Intune is being told')
  await say(stage.apiUrls, phones, WELL)
  let overtaken = 0
  await until(async () => {
    const isOver = await countPhones(stage, phones, IS_HIGH) === 0
    overtaken = Math.max(overtaken, await countPhones(stage, phones, sql`o.message_id is not null and o.version > o.sent_version`))
    return isOver
  }, 'they are out of danger')
  return overtaken
}

const IS_HIGH = sql`s.desired_health = 'highSeverity'`

/** Phones of which this is true: `s` is the state, `o` the row of the outbox, if there is one. */
async function countPhones ({ db }: Stage, phones: readonly LoggedPhone[], what: RawBuilder<unknown>): Promise<number> {
  const { rows: [row] } = await sql<{ count: number }>`
    select count(*)::integer as count from device_state s left join intune_outbox o on o.device_id = s.device_id
    where s.device_id = any(${phones.map(({ deviceId }) => deviceId)}::uuid[]) and (${what})`.execute(db)
  return row!.count
}

interface Parts {
  /** Their groups are committed and have no job. */
  readonly swept: readonly LoggedPhone[]
  /** Intune is being told about them by a process that dies. */
  readonly adopted: readonly LoggedPhone[]
  /** Intune is to be told about them, and no job says so. */
  readonly woken: readonly LoggedPhone[]
}

/** All workers die, and all jobs are lost: what is to be done is in PostgreSQL alone, and only who looks for it there finds it. */
async function loseAllInHand (stage: Stage, queues: Queues, { swept, adopted, woken }: Parts, messageMs: number): Promise<Record<string, number>> {
  const { db, apiUrls, simulator } = stage
  const workers = stage.processes.filter(({ kind }) => kind === 'worker')
  const sync = queues.queue('sync')
  await say(apiUrls, [...adopted, ...woken], WELL)
  await atRest(stage, queues)
  const overtaken = await overtake(stage, adopted, 2 * messageMs)
  await sync.pause()
  await say(apiUrls, woken, IN_DANGER)
  await until(async () => await countPhones(stage, woken, IS_HIGH) === woken.length, 'they are in danger')
  const due = await countPhones(stage, woken, sql`o.message_id is null and o.version = s.desired_version`)
  // A job in hand of a worker that is killed would come back, and take all groups along.
  await until(async () => await activeJobs(queues) === 0, 'no job is in hand')
  const { rows: [inHand] } = await sql<{ messages: number }>`select count(*)::integer as messages from intune_message where tenant_id = ${adopted[0]!.tenant.tenantId}`.execute(db)
  await Promise.all(workers.map(async (one) => await one.kill()))

  await say(apiUrls, swept, IN_DANGER)
  // They are put in beside the answers.
  const groups = (await waitingGroups(db)).length
  await until(async () => await queues.queue('score').getWaitingCount() >= groups, 'the jobs are put in')
  for (const name of ['score', 'sync'] as const) await queues.queue(name).drain(true)
  await sync.resume()
  await setFaults(simulator, [])
  await Promise.all(workers.map(async (one) => await one.start()))
  await atRest(stage, queues)
  return {
    'groups lose their jobs': groups,
    'a worker dies while Intune is told': inHand!.messages,
    'and a level has changed meanwhile': overtaken,
    'Intune is to be told and no job says so': due
  }
}
