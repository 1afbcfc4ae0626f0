import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const mgmtPermissionMissing: Detection = {
  id: 'mgmt-permission-missing',
  version: 1,
  category: 'management',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: false,
  description: 'The agent lacks a permission that it needs to protect the phone, so part of it cannot be judged; one finding a permission. The phone\'s state becomes `misconfigured`; its level does not change, since what is not seen is unknown.',
  sections: ['agent'],
  needs: ['agent.missingPermissions'],
  remediation: {
    user: 'Open the security app and give it the permission that it asks for.',
    admin: 'Grant the permission by app configuration where the platform allows it; explain to the user what it is for.'
  },
  examples: [
    { name: 'two are missing', platform: 'android', report: { agent: { missingPermissions: ['location', 'notifications'] } }, finds: ['location low', 'notifications low'] },
    { name: 'none is missing', platform: 'ios', report: { agent: { missingPermissions: [] } }, finds: [] },
    { name: 'granted since', platform: 'android', earlier: [{ agent: { missingPermissions: ['vpn'] } }], report: { agent: { missingPermissions: [] } }, finds: [] },
    { name: 'not told', platform: 'android', report: { agent: { version: '3.1.0' } }, finds: 'unknown' }
  ],

  detect: ({ state: { agent } }) => (agent?.missingPermissions ?? []).map((permission, index) => ({
    subject: permission,
    title: `The agent lacks the permission ${permission}: what it would see there is unknown.`,
    evidence: [{ path: `agent.missingPermissions[${index}]`, value: permission }]
  }))
}
