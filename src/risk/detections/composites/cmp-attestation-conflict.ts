import type { DeviceState } from '../../../telemetry/device-state.js'
import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'
import { combine } from './combine.js'

const FAILED = { kind: 'play-integrity', verdict: 'failed' } as const

/** Whether anything on the phone itself tells of root: then nothing is hidden. */
function hasLocalSign ({ integrity, os }: DeviceState): boolean {
  return integrity?.rooted === true || integrity?.systemWritable === true || integrity?.systemTampered === true ||
    (integrity?.rootBinaries?.length ?? 0) > 0 || (integrity?.hooks?.length ?? 0) > 0 ||
    os?.bootloaderLocked === false || os?.testKeys === true || (os?.verifiedBootState !== undefined && os.verifiedBootState !== 'green')
}

/** Whether it is the agent on the phone that calls it clean; an old word beside a service's new one may be the service's own. */
function isAgentsWord ({ origins: { integrity } }: DeviceState): boolean {
  return integrity?.source === undefined || integrity.older?.['rooted'] === undefined
}

export const cmpAttestationConflict: Detection = {
  id: 'cmp-attestation-conflict',
  version: 1,
  category: 'composite',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1630.003'],
  raisesLevel: true,
  description: 'Attestation failed, and the agent on the phone sees no sign of root: what the phone shows to apps is not what it is. Root, an open bootloader or a changed system that the agent does see explain the failure, and are other detections.',
  sections: ['integrity', 'os'],
  needs: ['integrity.rooted'],
  builtFrom: ['dev-attestation-failed'],
  remediation: {
    user: 'Do not enter passwords on this phone for now. Restart it and open the security app; if the message stays, bring it to your IT team.',
    admin: 'Treat the phone as rooted with tools that hide it: revoke sessions, have the stock system restored and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'the agent calls it clean', platform: 'android', report: { os: { bootloaderLocked: true, verifiedBootState: 'green' }, integrity: { rooted: false, attestation: FAILED } }, finds: ['attestation high'] },
    { name: 'the agent sees root as well', platform: 'android', report: { integrity: { rooted: true, attestation: FAILED } }, finds: [] },
    { name: 'an open bootloader explains it', platform: 'android', report: { os: { bootloaderLocked: false }, integrity: { rooted: false, attestation: FAILED } }, finds: [] },
    { name: 'attestation passes', platform: 'android', report: { integrity: { rooted: false, attestation: { kind: 'play-integrity', verdict: 'strong' } } }, finds: [] },
    { name: 'the agent does not look for root', platform: 'android', report: { integrity: { attestation: FAILED } }, finds: 'unknown' }
  ],

  detect (context) {
    const [failed] = context.findingsOf('dev-attestation-failed')
    const { state } = context
    if (failed === undefined || state.integrity?.rooted !== false || hasLocalSign(state) || !isAgentsWord(state)) return []
    return combine(context, [failed], { subject: failed.subject, title: 'Attestation failed though the agent sees no sign of root: the phone hides what it is.' })
      .map((match) => ({ ...match, evidence: [...match.evidence, { path: 'integrity.rooted', value: false }] }))
  }
}
