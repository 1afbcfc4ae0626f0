import type { Detection, DetectionCategory } from './detection.js'
import { DETECTIONS } from './detections/index.js'
import type { Platform } from '../telemetry/device-state.js'
import type { Severity } from './level.js'
import { effectiveSeverity, type Policy, type PolicySeverity } from './policy/policy.js'

/** A detection as operators see it. */
export interface CatalogueEntry {
  readonly id: string
  readonly version: number
  readonly category: DetectionCategory
  readonly platforms: readonly Platform[]
  readonly description: string
  readonly defaultSeverity: Severity
  /** What it is under the policy; a match with weaker or stronger facts differs only from the default. */
  readonly severity: PolicySeverity
  readonly raisesLevel: boolean
  readonly attack: readonly string[]
  readonly sections: readonly string[]
  readonly remediation: { readonly user: string, readonly admin: string }
}

/** The catalogue with each detection's effective severity under a policy. */
export function listCatalogue (policy: Policy, detections: readonly Detection[] = DETECTIONS): readonly CatalogueEntry[] {
  return detections.map((detection) => {
    const severity = effectiveSeverity(policy, detection)
    return {
      id: detection.id,
      version: detection.version,
      category: detection.category,
      platforms: detection.platforms,
      description: detection.description,
      defaultSeverity: detection.severity,
      severity,
      raisesLevel: detection.raisesLevel && severity !== 'audit' && severity !== 'off',
      attack: detection.attack,
      sections: detection.sections,
      remediation: detection.remediation
    }
  })
}
