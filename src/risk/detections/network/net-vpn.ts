import type { DeviceState } from '../../../telemetry/device-state.js'
import type { Detection, Evidence } from '../../detection.js'
import { isTrustedVpn } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import type { Policy } from '../../policy/policy.js'

type Vpn = NonNullable<NonNullable<DeviceState['network']>['vpn']>

const evidenceOf = (vpn: Vpn): readonly Evidence[] =>
  (['active', 'managed', 'appId'] as const).filter((member) => vpn[member] !== undefined).map((member) => ({ path: `network.vpn.${member}`, value: vpn[member] }))

/** Whether a VPN is the organisation's; undefined when nobody can say. */
function isOwn (policy: Policy, { managed, appId }: Vpn): boolean | undefined {
  if (appId !== undefined && isTrustedVpn(policy, appId)) return true
  if (managed !== undefined) return managed
  return appId !== undefined && policy.vpns.allow.length > 0 ? false : undefined
}

export const netVpnUnmanaged: Detection = {
  id: 'net-vpn-unmanaged',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'All traffic of the phone goes through a VPN that the organisation did not deploy and does not name, so whoever runs it sees which servers the phone talks to. A VPN of which nobody told whose it is is not judged.',
  sections: ['network'],
  needs: ['network.vpn.active'],
  remediation: {
    user: 'Turn the VPN off for work, or remove it if you do not know it. Your IT team tells you which one to use.',
    admin: 'Ask who installed the VPN. When it is fine, add its app to the allowed VPNs of the policy.'
  },
  examples: [
    { name: 'an app that nobody deployed', platform: 'android', report: { network: { vpn: { active: true, managed: false, appId: 'com.vpn.free' } } }, finds: ['com.vpn.free low'] },
    { name: 'another app than those of the policy', platform: 'ios', report: { network: { vpn: { active: true, appId: 'com.vpn.free' } } }, policy: { vpns: { allow: ['com.example.vpn'] } }, finds: ['com.vpn.free low'] },
    { name: 'deployed by management', platform: 'ios', report: { network: { vpn: { active: true, managed: true } } }, finds: [] },
    { name: 'an app of the policy', platform: 'android', report: { network: { vpn: { active: true, managed: false, appId: 'com.example.vpn' } } }, policy: { vpns: { allow: ['com.example.*'] } }, finds: [] },
    { name: 'installed and switched off', platform: 'android', report: { network: { vpn: { active: false, managed: false, appId: 'com.vpn.free' } } }, finds: [] },
    { name: 'nobody told whose it is', platform: 'android', report: { network: { vpn: { active: true } } }, finds: [] },
    { name: 'nobody told of VPNs', platform: 'android', report: { network: { type: 'wifi' } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    const vpn = network?.vpn
    if (vpn?.active !== true || isOwn(policy, vpn) !== false) return []
    return [{
      subject: vpn.appId ?? 'vpn',
      title: `All traffic goes through a VPN that the organisation did not deploy${vpn.appId === undefined ? '' : ` (${vpn.appId})`}.`,
      evidence: evidenceOf(vpn)
    }]
  }
}

export const netVpnMissing: Detection = {
  id: 'net-vpn-missing',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: 'The policy requires a VPN (`requirements.vpn`), and the phone is connected without it, or with another one. A phone without any network misses nothing.',
  sections: ['network'],
  needs: ['network.vpn.active'],
  remediation: {
    user: 'Open your company\'s VPN app and connect.',
    admin: 'Deploy the VPN as always on, so that nobody has to think of it.'
  },
  examples: [
    { name: 'required and off', platform: 'android', report: { network: { type: 'wifi', vpn: { active: false } } }, policy: { requirements: { vpn: true } }, finds: ['vpn low'] },
    { name: 'another one is on', platform: 'ios', report: { network: { type: 'cellular', vpn: { active: true, appId: 'com.vpn.free' } } }, policy: { requirements: { vpn: true }, vpns: { allow: ['com.example.vpn'] } }, finds: ['vpn low'] },
    { name: 'required and on', platform: 'ios', report: { network: { type: 'wifi', vpn: { active: true, managed: true } } }, policy: { requirements: { vpn: true } }, finds: [] },
    { name: 'required, and the phone is offline', platform: 'android', report: { network: { type: 'none', vpn: { active: false } } }, policy: { requirements: { vpn: true } }, finds: [] },
    { name: 'nobody requires one', platform: 'android', report: { network: { type: 'wifi', vpn: { active: false } } }, finds: [] },
    { name: 'nobody told of VPNs', platform: 'android', report: { network: { type: 'wifi' } }, policy: { requirements: { vpn: true } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    const vpn = network?.vpn
    if (!policy.requirements.vpn || vpn?.active === undefined || network?.type === 'none') return []
    if (vpn.active && isOwn(policy, vpn) !== false) return []
    return [{
      subject: 'vpn',
      title: vpn.active ? `The phone uses another VPN than the one that the policy requires${vpn.appId === undefined ? '' : ` (${vpn.appId})`}.` : 'The VPN that the policy requires is off.',
      evidence: evidenceOf(vpn)
    }]
  }
}
