import type { DeviceState } from '../../telemetry/device-state.js'
import type { Detection } from '../detection.js'
import { isFieldTold } from './app-facts.js'

/** The paths that detections name, taken apart once. */
const knownPaths = new Map<string, readonly string[]>()

function partsOf (path: string): readonly string[] {
  let parts = knownPaths.get(path)
  if (parts === undefined) knownPaths.set(path, parts = path.split('.'))
  return parts
}

/** Whether a phone has told anything at a path: `apps` (a list, also an empty one), `apps.installer` (of some app), `config.passcodeSet`, `profiles`. */
export function isTold (state: DeviceState, path: string): boolean {
  const parts = partsOf(path)
  if (parts[0] === 'apps') return state.apps !== undefined && (parts.length === 1 || isFieldTold(state.apps, parts[1]!))
  let value: unknown = state
  for (const part of parts) {
    if (typeof value !== 'object' || value === null) return false
    value = (value as Record<string, unknown>)[part]
  }
  return value !== undefined
}

/** Whether a phone has told enough for the detection to have an answer. */
export function isDecided (state: DeviceState, { needs }: Pick<Detection, 'needs'>): boolean {
  return needs.length === 0 || needs.some((path) => isTold(state, path))
}
