import type { DeviceState } from '../../telemetry/device-state.js'
import type { App } from '../../telemetry/report.js'
import type { Detection } from '../detection.js'

/** Which fields an app tells is the same on thousands of phones. */
const fieldsOfApps = new WeakMap<object, ReadonlySet<string>>()

function appFields (items: Readonly<Record<string, App>>): ReadonlySet<string> {
  let fields = fieldsOfApps.get(items)
  if (fields === undefined) {
    const found = new Set<string>()
    for (const appId in items) for (const field in items[appId]) found.add(field)
    fieldsOfApps.set(items, fields = found)
  }
  return fields
}

/** Whether a phone has told anything at a path: `apps` (a list, also an empty one), `apps.installer` (of some app), `config.passcodeSet`, `profiles`. */
export function isTold (state: DeviceState, path: string): boolean {
  const [section, ...fields] = path.split('.') as [string, ...string[]]
  if (section === 'apps') {
    const items = state.apps?.items
    return items !== undefined && (fields.length === 0 || appFields(items).has(fields[0]!))
  }
  let value: unknown = (state as unknown as Record<string, unknown>)[section]
  for (const field of fields) {
    if (typeof value !== 'object' || value === null) return false
    value = (value as Record<string, unknown>)[field]
  }
  return value !== undefined
}

/** Whether a phone has told enough for the detection to have an answer. */
export function isDecided (state: DeviceState, { needs }: Pick<Detection, 'needs'>): boolean {
  return needs.length === 0 || needs.some((path) => isTold(state, path))
}
