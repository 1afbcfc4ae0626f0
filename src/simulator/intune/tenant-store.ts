import { deriveAccess, isCompliant } from './access.js'
import type { Application } from './application.js'
import type { SimulatedClock } from './clock.js'
import { type ComplianceVerdict, judgePolicies, mergeJudgements } from './compliance.js'
import { type Connector, connectorState } from './connector.js'
import { type ConsentDecision, DEFAULT_DECISION } from './consent.js'
import type { ThreatReport } from './partner-entity.js'
import type { Device, Tenant } from './tenant.js'
import { type Access, type ConnectorState, type ThreatState, UPDATE_DEVICE_HEALTH } from './vocabulary.js'

/** More than anybody reads; keeps a long load run's memory flat. */
const MAX_HISTORY = 200

/** Intune has no opinion about a phone it does not manage. */
const UNMANAGED: ComplianceVerdict = { state: 'unknown', graceEndsAtMs: null, policies: [] }

export interface DeviceView {
  readonly threatState: ThreatState
  readonly complianceState: ComplianceVerdict['state']
  readonly access: Access
}

/** Everything this Microsoft knows, in memory: tenants with their apps, connector, policies and devices. */
export class TenantStore {
  readonly clock: SimulatedClock
  /** Application registrations by client id. */
  readonly applications = new Map<string, Application>()
  consent: ConsentDecision = DEFAULT_DECISION
  readonly #tenants = new Map<string, Tenant>()

  constructor (clock: SimulatedClock) {
    this.clock = clock
  }

  find (tenantId: string): Tenant | undefined {
    return this.#tenants.get(tenantId.toLowerCase())
  }

  add (tenant: Tenant): void {
    this.#tenants.set(tenant.id, tenant)
  }

  list (): Iterable<Tenant> {
    return this.#tenants.values()
  }

  connectorStateOf (tenant: Tenant, connector: Connector | undefined = tenant.connectors.get(tenant.connectorId)): ConnectorState {
    if (connector === undefined) return 'unavailable'
    const hasPermission = [...tenant.clients.values()].some(({ consented, enabled, roles }) => consented && enabled && roles.intune.includes(UPDATE_DEVICE_HEALTH))
    return connectorState(connector, hasPermission, this.clock.now())
  }

  /** Computes the device's compliance now and remembers since when each broken policy has been broken. */
  evaluate (tenant: Tenant, device: Device, state = this.connectorStateOf(tenant)): ComplianceVerdict {
    if (!device.mdmEnrolled) return UNMANAGED
    const now = this.clock.now()
    const judgements = judgePolicies(tenant, device, state, now)
    const broken = new Map<string, number>()
    for (const { policy, result } of judgements) {
      if (result === 'noncompliant') broken.set(policy.id, device.noncompliantSince?.get(policy.id) ?? now)
    }
    device.noncompliantSince = broken.size === 0 ? undefined : broken
    const verdict = mergeJudgements(judgements, device.noncompliantSince, tenant.secureByDefault, now)
    // Entra is told at once; its device has changed only when the answer has.
    if (device.isCompliant !== isCompliant(verdict.state)) {
      device.isCompliant = !device.isCompliant
      device.change = tenant.changes.next()
    }
    return verdict
  }

  /** The phone tells Intune how it is, now. */
  checkIn (tenant: Tenant, device: Device): void {
    device.lastSyncAtMs = this.clock.now()
    this.evaluate(tenant, device)
    if (device.waiters !== undefined) wake(device.waiters)
  }

  view (tenant: Tenant, device: Device): DeviceView {
    const { state } = this.evaluate(tenant, device)
    return { threatState: device.threatState, complianceState: state, access: deriveAccess(tenant, device, state) }
  }

  /** Judges every device again after policies, switches or the clock changed. */
  reevaluate (tenant: Tenant): void {
    const state = this.connectorStateOf(tenant)
    for (const device of tenant.devices.values()) {
      this.evaluate(tenant, device, state)
      if (device.waiters !== undefined) wake(device.waiters)
    }
    wake(tenant.waiters)
  }

  /** Takes a partner's report unless a newer one is there already. */
  applyReport (tenant: Tenant, report: ThreatReport, message: { messageId: string, receivedAtMs: number, appliedAtMs: number }): 'applied' | 'stale' | 'unknown-device' {
    const device = tenant.devices.get(report.deviceId)
    if (device?.mdmEnrolled !== true) return 'unknown-device'
    if (report.lastUpdateMs <= device.threatUpdatedAtMs) {
      device.staleUpdates++
      tenant.messageCounts.updatesStale++
      return 'stale'
    }
    setThreatState(tenant, device, report.threatState)
    device.threatUpdatedAtMs = report.lastUpdateMs
    device.history.push({ threatState: report.threatState, lastUpdateTime: report.lastUpdateTime, ...message })
    if (device.history.length > MAX_HISTORY) device.history.shift()
    tenant.messageCounts.updatesApplied++
    this.evaluate(tenant, device)
    if (device.waiters !== undefined) wake(device.waiters)
    return 'applied'
  }

  /** A deprovisioned partner's data is gone; it must be sent again later (inferred). */
  forgetPartnerData (tenant: Tenant): void {
    for (const device of tenant.devices.values()) {
      setThreatState(tenant, device, 'unknown')
      device.threatUpdatedAtMs = -Infinity
    }
    this.reevaluate(tenant)
  }
}

export function setThreatState (tenant: Tenant, device: Device, threatState: ThreatState): void {
  tenant.threatCounts.set(device.threatState, (tenant.threatCounts.get(device.threatState) ?? 0) - 1)
  tenant.threatCounts.set(threatState, (tenant.threatCounts.get(threatState) ?? 0) + 1)
  device.threatState = threatState
}

/** Wakes everybody who waits for something about the tenant or the device to change. */
export function wake (waiters: Set<() => void>): void {
  for (const waiter of [...waiters]) waiter()
}

/** Waits until the condition holds. @returns false when the time is over or the caller has gone. */
export async function waitUntil (waiters: Set<() => void>, condition: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  if (condition()) return true
  return await new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      waiters.delete(check)
      signal.removeEventListener('abort', finish)
      resolve(condition())
    }
    const check = (): void => { if (condition()) finish() }
    const timer = setTimeout(finish, timeoutMs)
    signal.addEventListener('abort', finish)
    waiters.add(check)
  })
}
