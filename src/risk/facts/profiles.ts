import type { DeviceState } from '../../telemetry/device-state.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { isOwnProfile } from './organisation.js'

export type Profile = NonNullable<DeviceState['profiles']>[number]

export interface ForeignProfile {
  readonly profile: Profile
  /** The bare id of it. */
  readonly subject: string
  readonly evidence: readonly Evidence[]
}

/** Configuration profiles that management did not install and the organisation does not know. Who says nothing of management is left in: see `managed`. */
export function foreignProfiles ({ state: { profiles }, policy }: DetectionContext): readonly ForeignProfile[] {
  if (profiles === undefined || profiles.length === 0) return []
  const foreign: ForeignProfile[] = []
  profiles.forEach((profile, index) => {
    if (profile.managed === true || isOwnProfile(policy, profile)) return
    const subject = profile.identifier ?? profile.uuid
    if (subject === undefined) return
    const evidence = (['identifier', 'uuid', 'displayName', 'organization', 'managed', 'payloadTypes', 'removalDisallowed'] as const)
      .flatMap((field) => profile[field] === undefined ? [] : [{ path: `profiles[${index}].${field}`, value: profile[field] }])
    foreign.push({ profile, subject, evidence })
  })
  return foreign
}
