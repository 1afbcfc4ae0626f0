import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import type { SimulatedPhone } from './simulated-phone.js'

interface Made { readonly sequence: number, readonly body: string }

/** A phone that is enrolled and what it has got through so far. */
export interface EnrolledPhone {
  readonly phone: Pick<SimulatedPhone, 'nextReport'>
  readonly deviceId: string
  readonly accessToken: string
  /** Acknowledged reports, and the sequence of the newest. */
  accepted: number
  lastSequence: number
  /** Made, not acknowledged yet. */
  pending?: Made | undefined
  /** Acknowledged last. */
  sent?: Made
}

export interface FleetTarget {
  /** Several: whom one refuses to connect goes on with the next, as behind a load balancer. */
  readonly apiUrl: string | readonly string[]
  /** Reports take turns among several, instead of all going to one that answers. */
  readonly turns?: boolean
  readonly phones: readonly EnrolledPhone[]
  /** Requests under way at most; no more than there are phones. */
  readonly connections: number
}

export interface DriveOptions extends FleetTarget {
  readonly seconds: number
  /** Reports a second, sent when they are due whether or not others were answered; none: as fast as answers come. */
  readonly ratePerSecond?: number
  /** How long a lane rests after a report that was not acknowledged, in ms. */
  readonly restMs?: number
  /** Share of reports that are sent again although they were acknowledged, as when the answer was lost. */
  readonly repeatShare?: number
}

export interface DriveResult {
  readonly seconds: number
  readonly accepted: number
  /** Repeated reports, and how many of them were recognised. */
  readonly repeated: number
  readonly recognised: number
  /** Answers that were no acknowledgement, by status; `none`: no answer. */
  readonly refused: Readonly<Record<string, number>>
  /** Of acknowledged reports, from the moment each was due. */
  readonly latenciesMs: number[]
}

const REST_MS = 20
/** How often a first report is sent to a server that has no time: for half a minute and more. */
const MAX_TRIES = 1_500

/** Sends each phone's next report, which after enrolment is its first. @throws when one is refused for good */
export async function introduceFleet ({ apiUrl, turns, phones, connections }: FleetTarget): Promise<void> {
  const sender = createSender(apiUrl, connections, turns)
  const waiting = [...phones]
  await Promise.all(Array.from({ length: connections }, async () => {
    for (let phone = waiting.pop(); phone !== undefined; phone = waiting.pop()) {
      let tries = 0
      do await sender.send(phone, performance.now())
      while (phone.pending !== undefined && ++tries < MAX_TRIES && Object.keys(sender.tally.refused).every((status) => status === '503'))
    }
  }))
  await sender.close()
  const { refused } = sender.tally
  if (phones.some(({ pending }) => pending !== undefined)) throw new Error(`first reports were refused: ${JSON.stringify(refused)}`)
}

/**
 * Lets the phones report for a while. A phone sends one report at a time, in order; what is
 * not acknowledged is sent again.
 */
export async function driveFleet ({ apiUrl, turns, phones, connections, seconds, ratePerSecond, restMs, repeatShare = 0 }: DriveOptions): Promise<DriveResult> {
  if (connections > phones.length) throw new Error('more connections than phones')
  const sender = createSender(apiUrl, connections, turns, restMs)
  // First in, first out: the phone that waited longest is next.
  const idle = [...phones]
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  const stepMs = ratePerSecond === undefined ? 0 : connections * 1000 / ratePerSecond

  async function lane (index: number): Promise<void> {
    for (let dueAt = startedAt + index * stepMs / connections; dueAt < endsAt; dueAt = stepMs === 0 ? performance.now() : dueAt + stepMs) {
      const early = dueAt - performance.now()
      if (early > 0) await wait(early)
      const phone = idle.shift()!
      await sender.send(phone, dueAt)
      // Evenly spread, so that a run can be repeated.
      if (sender.tally.accepted * repeatShare >= sender.tally.repeated + 1) await sender.repeat(phone)
      idle.push(phone)
    }
  }

  await Promise.all(Array.from({ length: connections }, async (_, index) => await lane(index)))
  const tookSeconds = (performance.now() - startedAt) / 1000
  await sender.close()
  return { seconds: tookSeconds, ...sender.tally }
}

function createSender (apiUrl: string | readonly string[], connections: number, turns = false, restMs = REST_MS) {
  const pools = [apiUrl].flat().map((url) => new Pool(url, { connections, pipelining: 1 }))
  let current = 0
  const tally = { accepted: 0, repeated: 0, recognised: 0, refused: {} as Record<string, number>, latenciesMs: [] as number[] }

  const nextPool = (): number => turns ? (current = (current + 1) % pools.length) : current

  async function post (phone: EnrolledPhone, body: string, pool = nextPool(), tries = 1): Promise<string> {
    const { accessToken } = phone
    try {
      const answer = await pools[pool]!.request({
        path: '/v1/telemetry', method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }
      })
      const text = await answer.body.text()
      return answer.statusCode === 202 ? (JSON.parse(text) as { status: string }).status : String(answer.statusCode)
    } catch (error) {
      // Nothing was sent.
      if ((error as { code?: string }).code === 'ECONNREFUSED' && tries < pools.length) {
        if (current === pool) current = (pool + 1) % pools.length
        return await post(phone, body, (pool + 1) % pools.length, tries + 1)
      }
      // A connection that broke: whether the report was taken, the next try tells.
      return 'none'
    }
  }

  return {
    tally,
    async send (phone: EnrolledPhone, dueAt: number): Promise<void> {
      if (phone.pending === undefined) {
        const report = phone.phone.nextReport()
        phone.pending = { sequence: report.sequence, body: JSON.stringify(report) }
      }
      const { sequence, body } = phone.pending
      const status = await post(phone, body)
      if (status !== 'accepted' && status !== 'duplicate' && status !== 'stale') {
        tally.refused[status] = (tally.refused[status] ?? 0) + 1
        await wait(restMs)
        return
      }
      tally.latenciesMs.push(performance.now() - dueAt)
      tally.accepted += 1
      phone.accepted += 1
      phone.lastSequence = sequence
      phone.sent = phone.pending
      phone.pending = undefined
    },
    /** Sends what was acknowledged last once more. */
    async repeat (phone: EnrolledPhone): Promise<void> {
      if (phone.sent === undefined) return
      tally.repeated += 1
      if (await post(phone, phone.sent.body) === 'duplicate') tally.recognised += 1
    },
    close: async () => { await Promise.all(pools.map(async (pool) => await pool.close())) }
  }
}
