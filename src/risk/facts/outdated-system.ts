import type { DetectionContext, Evidence } from '../detection.js'
import { osEvidence, osOfPhone } from './os-of-phone.js'
import { compareVersionTexts } from './versions.js'

/** A system that is older than the organisation's minimum. */
export interface OutdatedSystem {
  readonly version: string
  readonly minimum: string
  /** The phone has looked for an update and there is none for it. */
  readonly hasNoUpdate: boolean
  readonly evidence: readonly Evidence[]
}

/** Undefined when the system is new enough, no minimum is set, or its version is not told in numbers. */
export function outdatedSystem (context: DetectionContext): OutdatedSystem | undefined {
  const minimum = context.policy.versions.minimum[context.platform]
  if (minimum === undefined) return undefined
  const version = osOfPhone(context)?.version
  const difference = compareVersionTexts(version, minimum)
  if (version === undefined || difference === undefined || difference >= 0) return undefined
  const available = context.state.os?.update?.available
  return {
    version,
    minimum,
    hasNoUpdate: available === false,
    evidence: [...osEvidence(context), ...(available === undefined ? [] : [{ path: 'os.update.available', value: available }])]
  }
}
