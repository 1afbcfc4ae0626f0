import type { Detection } from '../../detection.js'
import { keyed } from '../../facts/intel-entries.js'
import { eventEvidence } from '../../facts/network-events.js'
import { openEvents } from '../../facts/open-events.js'
import { isAllowedApp, isAllowedAppId } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-internal-access'
const TYPES = new Set(['internal-access'])
const ACCESS = { type: 'internal-access', host: 'files.corp.example', ip: '10.0.0.12', port: 445, appId: 'com.game' }

export const netInternalAccess: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1428'],
  raisesLevel: true,
  description: 'An app reached servers inside the organisation\'s network that it has no reason to know, as the agent tells. Apps that management installed, that came with the phone, or that the organisation allows are not meant.',
  sections: ['events', 'apps'],
  needs: [],
  remediation: {
    user: 'If you do not need this app, uninstall it.',
    admin: 'Find out what the app looks for. When it is a tool of your own, add it to the allowed apps of the policy; else remove it and check the server\'s log.'
  },
  examples: [
    { name: 'a game at the file server', platform: 'android', report: { events: [ACCESS] }, finds: ['com.game low'] },
    { name: 'nobody knows which app', platform: 'ios', report: { events: [{ ...ACCESS, appId: undefined } as unknown as typeof ACCESS] }, finds: ['files.corp.example low'] },
    { name: 'an app that management installed', platform: 'ios', report: { apps: [{ appId: 'com.game', managed: true }], events: [ACCESS] }, finds: [] },
    { name: 'an app that the organisation allows', platform: 'android', report: { events: [ACCESS] }, policy: { apps: { allow: ['com.game'] } }, finds: [] },
    { name: 'a service of the system', platform: 'android', report: { apps: [{ appId: 'com.game', system: true }], events: [ACCESS] }, finds: [] }
  ],

  detect (context) {
    return openEvents(context, TYPES, { id: ID }).flatMap(({ event, until }) => {
      const { appId, host, ip } = event
      const app = appId === undefined ? undefined : context.state.apps?.items[appId]
      if (app !== undefined ? app.managed === true || app.system === true || isAllowedApp(context.policy, app) : appId !== undefined && isAllowedAppId(context.policy, appId)) return []
      const server = host ?? ip ?? 'a server'
      return [{
        subject: appId ?? host ?? ip ?? 'network',
        title: `${appId === undefined ? 'An app' : `The app ${appId}`} reached ${server} inside the organisation's network, for which the agent sees no reason.`,
        evidence: [...eventEvidence(event, ['host', 'ip', 'port', 'appId']), ...(app?.managed === undefined ? [] : [{ path: `${keyed('apps.items', app.appId)}.managed`, value: app.managed }])],
        expiresAt: toIso(until)
      }]
    })
  }
}
