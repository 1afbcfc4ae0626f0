import { createAppCatalogue } from './app-catalogue.js'
import { SimulatedPhone } from './simulated-phone.js'

export interface FleetOptions {
  readonly phones: number
  /** The same seed makes the same phones, apps and reports. */
  readonly seed: number
}

/** Phones that share a catalogue of apps, as real ones do. */
export function createFleet ({ phones, seed }: FleetOptions): SimulatedPhone[] {
  const catalogues = { android: createAppCatalogue('android', seed), ios: createAppCatalogue('ios', seed + 1) }
  const nowMs = Date.now()
  return Array.from({ length: phones }, (_, index) => new SimulatedPhone(catalogues, (seed * 1_000_003 + index) >>> 0, nowMs))
}
