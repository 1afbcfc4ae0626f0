import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent } from '../src/agent/agent.js'
import type { StartedSallyport } from './started-sallyport.js'

const WAIT_MS = 30_000

/** Intune did not hear of a probe in time. */
export class ProbeMissedError extends Error {}

/** A phone that is rooted and restored in turn, and how long Intune takes to hear of it. */
export interface Probe {
  /** Milliseconds from sending a report that changes the level to Intune having it. */
  measure (): Promise<number>
}

export async function enrollProbe ({ apiUrl, simulatorUrl, entraTenantId, enrollmentToken }: StartedSallyport): Promise<Probe> {
  const entraDeviceId = randomUUID()
  const agent = await Agent.enroll(apiUrl, enrollmentToken, { entraDeviceId, platform: 'android', osVersion: '15' })
  let rooted = false
  async function report (): Promise<number> {
    const sentAtMs = performance.timeOrigin + performance.now()
    await agent.report({ integrity: { rooted } })
    const threatState = rooted ? 'highSeverity' : 'secured'
    const answer = await fetch(`${simulatorUrl}/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}/wait?threatState=${threatState}&timeoutMs=${WAIT_MS}`)
    if (!answer.ok) throw new ProbeMissedError(`Intune did not hear of a probe within ${WAIT_MS} ms: ${answer.status} ${await answer.text()}`)
    const { lastUpdate } = await answer.json() as { lastUpdate: { receivedAtMs: number } }
    return lastUpdate.receivedAtMs - sentAtMs
  }
  await report()
  return {
    async measure () {
      rooted = !rooted
      return await report()
    }
  }
}

export interface ProbeOptions {
  readonly seconds: number
  readonly perSecond: number
  /** Where each time is put at once. */
  readonly times?: number[]
  /** A probe that is missed is told of and asks no more; otherwise it is thrown. */
  readonly onMissed?: (error: ProbeMissedError) => void
}

/** Lets the probes take turns for a while, so many times a second. @returns the milliseconds of each */
export async function measureReportToIntune (probes: readonly Probe[], { seconds, perSecond, times = [], onMissed }: ProbeOptions): Promise<number[]> {
  const endsAt = performance.now() + seconds * 1000
  const stepMs = probes.length * 1000 / perSecond
  await Promise.all(probes.map(async (probe, index) => {
    await wait(index * stepMs / probes.length)
    while (performance.now() < endsAt) {
      const startedAt = performance.now()
      try {
        times.push(await probe.measure())
      } catch (error) {
        if (onMissed === undefined || !(error instanceof ProbeMissedError)) throw error
        onMissed(error)
        return
      }
      await wait(Math.max(0, stepMs - (performance.now() - startedAt)))
    }
  }))
  return times
}
