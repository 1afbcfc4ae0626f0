import { randomUUID } from 'node:crypto'
import { Agent } from '../src/agent/agent.js'
import { createFleet } from '../src/simulator/fleet/create-fleet.js'
import { driveFleet, introduceFleet, type DriveOptions, type DriveResult, type EnrolledPhone, type FleetTarget } from '../src/simulator/fleet/drive-fleet.js'
import type { SimulatedPhone } from '../src/simulator/fleet/simulated-phone.js'
import type { Report } from '../src/telemetry/report.js'
import { serve } from './remote.js'

/** The load: phones in a process of their own. */
export interface LoadApi {
  /** Makes phones and enrols them. Answers how many. */
  enroll (options: { readonly apiUrl: string, readonly enrollmentToken: string, readonly phones: number, readonly seed: number }): Promise<number>
  /** Makes phones that have these tokens. */
  adopt (options: { readonly tokens: readonly string[], readonly seed: number }): Promise<void>
  /** Phones that are known already, of which each reports that it is there. */
  adoptKnown (options: { readonly phones: ReadonlyArray<{ readonly deviceId: string, readonly accessToken: string, readonly sequence: number }> }): Promise<void>
  /** Every phone's first report, which holds everything. */
  introduce (target: Omit<FleetTarget, 'phones'>): Promise<void>
  drive (options: Omit<DriveOptions, 'phones'>): Promise<DriveResult>
  /** What each phone got through. */
  tally (nothing: null): Promise<Array<Pick<EnrolledPhone, 'deviceId' | 'accepted' | 'lastSequence'>>>
}

const ENROL_AT_ONCE = 16
let phones: EnrolledPhone[] = []

function toEnrolled (phone: SimulatedPhone, deviceId: string, accessToken: string): EnrolledPhone {
  const first = phone.firstReport()
  return { phone, deviceId, accessToken, accepted: 0, lastSequence: 0, pending: { sequence: first.sequence, body: JSON.stringify(first) } }
}

serve<LoadApi>({
  async enroll ({ apiUrl, enrollmentToken, phones: count, seed }) {
    const waiting = createFleet({ phones: count, seed })
    const lane = async (): Promise<void> => {
      for (let phone = waiting.pop(); phone !== undefined; phone = waiting.pop()) {
        const agent = await Agent.enroll(apiUrl, enrollmentToken, phone.description)
        phones.push(toEnrolled(phone, agent.deviceId, agent.accessToken))
      }
    }
    await Promise.all(Array.from({ length: ENROL_AT_ONCE }, lane))
    return phones.length
  },
  async adopt ({ tokens, seed }) {
    phones = createFleet({ phones: tokens.length, seed }).map((phone, index) => toEnrolled(phone, String(index), tokens[index]!))
  },
  async adoptKnown ({ phones: known }) {
    const config: Report['config'] = { passcodeSet: true }
    for (const { deviceId, accessToken, sequence } of known) {
      let last = sequence
      const nextReport = (): Report => ({ reportId: randomUUID(), sequence: ++last, collectedAt: new Date().toISOString(), agent: { version: '3.1.0' }, network: { type: 'cellular' }, config: config! })
      phones.push({ phone: { nextReport }, deviceId, accessToken, accepted: 0, lastSequence: sequence })
    }
  },
  introduce: async (target) => await introduceFleet({ ...target, phones }),
  drive: async (options) => await driveFleet({ ...options, phones }),
  tally: async () => phones.map(({ deviceId, accepted, lastSequence }) => ({ deviceId, accepted, lastSequence }))
})
