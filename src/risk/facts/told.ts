import type { DeviceState } from '../../telemetry/device-state.js'
import { isFieldTold } from './app-facts.js'

/** A telemetry path, taken apart. */
export interface Path {
  readonly section: string
  /** What is below the section; none: the section itself. */
  readonly members: readonly string[]
}

const knownPaths = new Map<string, Path>()

export function pathOf (text: string): Path {
  let path = knownPaths.get(text)
  if (path === undefined) {
    const [section = '', ...members] = text.split('.')
    knownPaths.set(text, path = { section, members })
  }
  return path
}

/** Whether a phone has told anything at a path: `apps` (a list, also an empty one), `apps.installer` (of some app), `config.passcodeSet`, `profiles`. */
function isTold (state: DeviceState, { section, members }: Path): boolean {
  let value: unknown = (state as unknown as Record<string, unknown>)[section]
  if (value === undefined || members.length === 0) return value !== undefined
  if (section === 'apps') return isFieldTold(state.apps!, members[0]!)
  if (members.length === 1) return typeof value === 'object' && value !== null && (value as Record<string, unknown>)[members[0]!] !== undefined
  for (const member of members) {
    if (typeof value !== 'object' || value === null) return false
    value = (value as Record<string, unknown>)[member]
  }
  return value !== undefined
}

/** Whether a phone has told enough: something at one of the paths, unless none is needed. */
export function isDecided (state: DeviceState, needs: readonly Path[]): boolean {
  if (needs.length === 0) return true
  for (const path of needs) if (isTold(state, path)) return true
  return false
}
