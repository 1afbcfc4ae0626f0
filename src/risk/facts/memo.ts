import type { IntelView } from '../../intel/intel-view.js'
import type { App } from '../../telemetry/report.js'
import type { DetectionContext } from '../detection.js'

let slots = 0

/**
 * Several detections ask the same question about one phone; the answer is worked out once an
 * assessment. Seen from outside it stays a pure function: a context never changes.
 */
export function oncePerContext<T> (compute: (context: DetectionContext) => T): (context: DetectionContext) => T {
  const slot = slots++
  return (context) => {
    const { answers } = context
    if (answers === undefined) return compute(context)
    return (answers[slot] ?? (answers[slot] = compute(context))) as T
  }
}

/** What is remembered of one app, beside the facts that it carries itself. */
export interface RememberedApp {
  readonly app: App
  /** The intel view that `answers` are of: newer views are other objects. */
  intel: IntelView | undefined
  answers: unknown[] | undefined
  /** What asked last whether it knows of the app, and did not: for most apps that is all, and costs one comparison. */
  unlistedIn: IntelView | undefined
  undeniedBy: object | undefined
}

let appSlots = 0

/** What an intel view says of an app, worked out once for both: neither ever changes, and thousands of phones have the same app. */
export function oncePerApp<T extends object> (compute: (intel: IntelView, app: App) => T): (intel: IntelView, app: RememberedApp) => T {
  const slot = appSlots++
  return (intel, remembered) => {
    if (remembered.intel !== intel) {
      remembered.intel = intel
      remembered.answers = []
    }
    const answers = remembered.answers!
    return (answers[slot] ?? (answers[slot] = compute(intel, remembered.app))) as T
  }
}
