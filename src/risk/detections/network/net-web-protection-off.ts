import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const HOUR_MS = 60 * 60 * 1000

export const netWebProtectionOff: Detection = {
  id: 'net-web-protection-off',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'The filter that keeps the phone from dangerous pages is off or paused. Low once that has lasted for the policy\'s hours (`thresholds.webProtectionOffHours`), if the agent tells since when; a short pause is only recorded.',
  sections: ['agent'],
  needs: ['agent.webProtection'],
  remediation: {
    user: 'Open the security app and turn web protection on again.',
    admin: 'Ask the user what it stood in the way of. Deploy the filter as always on where that is possible.'
  },
  examples: [
    { name: 'paused a little while ago', platform: 'android', report: { agent: { webProtection: 'paused', webProtectionSince: '2026-11-23T11:00:00Z' } }, finds: ['webProtection audit'] },
    { name: 'off for a day', platform: 'ios', report: { agent: { webProtection: 'off', webProtectionSince: '2026-11-22T12:00:00Z' } }, finds: ['webProtection low'] },
    { name: 'off, and nobody told since when', platform: 'android', report: { agent: { webProtection: 'off' } }, finds: ['webProtection audit'] },
    {
      name: 'off, and only a report from when it was on told a time',
      platform: 'android',
      earlier: [{ agent: { webProtection: 'on', webProtectionSince: '2026-11-01T00:00:00Z' } }],
      report: { agent: { webProtection: 'off' } },
      finds: ['webProtection audit']
    },
    { name: 'on', platform: 'ios', report: { agent: { webProtection: 'on', webProtectionSince: '2026-01-01T00:00:00Z' } }, finds: [] },
    { name: 'an agent without it', platform: 'android', report: { agent: { version: '3.1.0' } }, finds: 'unknown' }
  ],

  detect ({ state: { agent, origins }, policy, now }) {
    const how = agent?.webProtection
    if (how !== 'off' && how !== 'paused') return []
    // A time that another report gave is that of another state.
    const older = origins.agent?.older
    const since = older?.['webProtection'] === older?.['webProtectionSince'] ? agent?.webProtectionSince : undefined
    const isLongAt = since === undefined ? Infinity : Date.parse(since) + policy.thresholds.webProtectionOffHours * HOUR_MS
    return [{
      subject: 'webProtection',
      title: `Web protection is ${how}: dangerous pages are not blocked.`,
      evidence: [{ path: 'agent.webProtection', value: how }, ...(since === undefined ? [] : [{ path: 'agent.webProtectionSince', value: since }])],
      ...(isLongAt <= now.getTime() ? { severity: 'low' as const } : isLongAt === Infinity ? {} : { recheckAt: toIso(isLongAt) })
    }]
  }
}
