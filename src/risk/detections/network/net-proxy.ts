import type { Detection } from '../../detection.js'
import { isTrustedProxy } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const netProxy: Detection = {
  id: 'net-proxy',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The phone sends its traffic through a proxy that management did not set and the organisation does not name: whoever runs it sees which servers the phone talks to.',
  sections: ['network'],
  needs: ['network.proxy'],
  remediation: {
    user: 'Open the Wi-Fi\'s details in the settings and turn the proxy off, unless your IT team told you to set it.',
    admin: 'Ask who set the proxy. When it is the organisation\'s own, add it to the allowed proxies of the policy.'
  },
  examples: [
    { name: 'a proxy that nobody deployed', platform: 'android', report: { network: { type: 'wifi', proxy: { host: '203.0.113.66', port: 8080, managed: false } } }, finds: ['203.0.113.66:8080 low'] },
    { name: 'set by management', platform: 'ios', report: { network: { proxy: { host: 'proxy.example', port: 8080, managed: true } } }, finds: [] },
    { name: 'the organisation\'s own, whoever set it', platform: 'android', report: { network: { proxy: { host: 'Proxy.example', port: 8080 } } }, policy: { proxies: { allow: ['proxy.example'] } }, finds: [] },
    { name: 'a blocker of advertising on the phone itself', platform: 'android', report: { network: { proxy: { host: '127.0.0.1', port: 8118, managed: false } } }, finds: ['127.0.0.1:8118 audit'] },
    { name: 'known to have none', platform: 'android', report: { network: { type: 'wifi', proxy: {} } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { network: { type: 'wifi' } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    const proxy = network?.proxy
    if (proxy?.host === undefined || proxy.managed === true || isTrustedProxy(policy, proxy.host, proxy.port)) return []
    // An app on the phone is its own detections' matter; the traffic does not leave by the proxy.
    const onPhone = /^(?:127\.\d+\.\d+\.\d+|localhost|::1|\[::1\])$/i.test(proxy.host)
    const subject = proxy.port === undefined || proxy.port === 0 ? proxy.host : `${proxy.host}:${proxy.port}`
    return [{
      subject,
      title: onPhone ? `The phone sends its traffic through an app on itself (${subject}).` : `The phone sends its traffic through the proxy ${subject}, which the organisation did not set.`,
      evidence: (['host', 'port', 'managed'] as const).filter((member) => proxy[member] !== undefined).map((member) => ({ path: `network.proxy.${member}`, value: proxy[member] })),
      ...(onPhone ? { severity: 'audit' as const } : {})
    }]
  }
}
