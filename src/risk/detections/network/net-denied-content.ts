import type { Detection, Match } from '../../detection.js'
import { targetsOf, wasReached } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { eventEvidence } from '../../facts/network-events.js'
import { isDeniedHost } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-denied-content'
const POLICY = { domains: { deny: ['games.example'] } }

export const netDeniedContent: Detection = {
  id: ID,
  version: 2,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'A page of a host that the organisation does not want was asked for (`domains.deny`), or the filter blocked a query or a connection to one. What apps ask for by themselves and nothing blocked is not meant.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Your organisation does not want this site on this phone. Nothing is broken.',
    admin: 'Nothing to do. Who needs the site can be given a group of its own in the policy.'
  },
  examples: [
    { name: 'a page of such a host', platform: 'android', report: { events: [{ type: 'url-visit', url: 'https://play.games.example/1', action: 'opened' }] }, policy: POLICY, finds: ['play.games.example audit'] },
    { name: 'a query that the filter blocked', platform: 'ios', report: { events: [{ type: 'dns-query', host: 'games.example', action: 'blocked' }] }, policy: POLICY, finds: ['games.example audit'] },
    { name: 'a query of some app that nothing blocked', platform: 'android', report: { events: [{ type: 'dns-query', host: 'games.example' }] }, policy: POLICY, finds: [] },
    { name: 'a name that only ends alike', platform: 'android', report: { events: [{ type: 'url-visit', url: 'https://boardgames.example/' }] }, policy: POLICY, finds: [] }
  ],

  detect (context) {
    const { policy, state: { events } } = context
    if (policy.domains.deny.length === 0) return []
    return events.flatMap((event): Match[] => {
      if (event.type === 'message-link' ? !wasReached(event) : event.type !== 'url-visit' && event.action !== 'blocked') return []
      const denied = targetsOf(event).find(({ host }) => isDeniedHost(policy, host))
      const until = denied === undefined ? undefined : openUntil(context, event, { id: ID }, 'contact')
      if (denied === undefined || until === undefined) return []
      return [{
        subject: denied.host,
        title: `The phone asked for ${denied.host}, which the organisation does not want.`,
        evidence: eventEvidence(event, [denied.field, 'action', 'appId']),
        expiresAt: toIso(until)
      }]
    })
  }
}
