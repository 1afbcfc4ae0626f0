import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { openUntil } from '../../facts/event-windows.js'
import { eventEvidence, eventsOfType } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { registeredDomain } from '../../facts/random-names.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-dga'
const BURST_MS = 60 * 60 * 1000
/** A resolver that denies everything denies names that people gave, too. */
const LEAST_RANDOM_SHARE = 0.5

const MADE_UP = ['xjwqvtkbgpdzrmh', 'qkzfwgbxvnjtcld', 'vbnxqwrtzplkjhg', 'kgtxzwqpnbvcjdf', 'zqxjkvbpwmgfhdt', 'wrxqkzjvtbnpgcm', 'hgfdxqzwkvbnmtp', 'pqzxwvjkbtgnrdc']
const KNOWN = ['example', 'weather', 'newspaper', 'football', 'photoalbum', 'shopping', 'travelguide', 'dictionary']
const asked = (names: readonly string[], responseCode: string, suffix = 'ru'): Example['report'] =>
  ({ events: names.map((name, index) => ({ type: 'dns-query', host: `${name}.${suffix}`, responseCode, appId: 'com.tracker.parcel', at: `2026-11-23T11:${20 + index}:00Z` })) })

interface Miss {
  readonly event: KeptEvent
  readonly ms: number
  readonly domain: string
  readonly random: boolean
}

function missesByApp (context: DetectionContext): ReadonlyMap<string, readonly Miss[]> {
  const byApp = new Map<string, Miss[]>()
  for (const event of eventsOfType(context, 'dns-query')) {
    if (event.responseCode?.toUpperCase() !== 'NXDOMAIN' || event.host === undefined) continue
    const registered = registeredDomain(event.host)
    if (registered === undefined) continue
    const app = event.appId ?? ''
    const misses = byApp.get(app) ?? []
    misses.push({ event, ms: Date.parse(event.at), ...registered })
    byApp.set(app, misses)
  }
  return byApp
}

/** The last hour in which enough random domains were asked for, each once, and not fewer than others. */
function lastBurst (misses: readonly Miss[], least: number): readonly Miss[] | undefined {
  if (misses.length < least) return undefined
  const ordered = [...misses].sort((a, b) => a.ms - b.ms || (a.event.eventId < b.event.eventId ? -1 : 1))
  /** How often each domain is in the hour that is looked at. */
  const domains = new Map<string, number>()
  let random = 0
  let first = 0
  let burst: readonly [first: number, last: number] | undefined
  ordered.forEach((miss, last) => {
    const times = domains.get(miss.domain) ?? 0
    domains.set(miss.domain, times + 1)
    if (times === 0 && miss.random) random++
    for (; miss.ms - ordered[first]!.ms > BURST_MS; first++) {
      const gone = ordered[first]!
      const left = domains.get(gone.domain)! - 1
      if (left > 0) {
        domains.set(gone.domain, left)
      } else {
        domains.delete(gone.domain)
        if (gone.random) random--
      }
    }
    if (miss.random && random >= least && random >= domains.size * LEAST_RANDOM_SHARE) burst = [first, last]
  })
  if (burst === undefined) return undefined
  const within = new Map(ordered.slice(burst[0], burst[1] + 1).filter((miss) => miss.random).map((miss) => [miss.domain, miss]))
  return [...within.values()]
}

export const netDga: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1637.001'],
  raisesLevel: true,
  description: 'An app asked for many domains within an hour that do not exist and whose names look made by lot: malware searches for its server like this. Two facts make it one: the names, of which only the registered part counts (content networks and telemetry have random names under a domain of their own), and that none of them exists. Nothing is found when a resolver denies everything, or names are made of words. It stays open for the event\'s lifetime.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Do not enter passwords on this phone for now. Uninstall apps that you do not know, and ask your security team.',
    admin: 'Look at the app that asked (see the evidence) and where it came from; remove it, and look for other phones that have it. Log queries for the names on the company\'s resolver.'
  },
  examples: [
    { name: 'eight domains by lot that do not exist', platform: 'android', report: asked(MADE_UP, 'NXDOMAIN'), finds: ['com.tracker.parcel medium'] },
    { name: 'seven are fewer than a burst', platform: 'android', report: asked(MADE_UP.slice(1), 'NXDOMAIN'), finds: [] },
    { name: 'a lower threshold of the policy', platform: 'ios', report: asked(MADE_UP.slice(3), 'NXDOMAIN'), policy: { thresholds: { dgaBurst: 5 } }, finds: ['com.tracker.parcel medium'] },
    { name: 'random names of a content network', platform: 'android', report: asked(MADE_UP, 'NXDOMAIN', 'cloudfront.net'), finds: [] },
    { name: 'names that exist', platform: 'android', report: asked(MADE_UP, 'NOERROR'), finds: [] },
    { name: 'a resolver that denies everything', platform: 'android', report: asked(KNOWN, 'NXDOMAIN', 'com'), finds: [] },
    { name: 'a browser that tries out the network', platform: 'android', report: { events: MADE_UP.map((host) => ({ type: 'dns-query', host, responseCode: 'NXDOMAIN' })) }, finds: [] }
  ],

  detect (context) {
    if (context.state.events.length === 0) return []
    const found: Match[] = []
    for (const [app, misses] of missesByApp(context)) {
      const burst = lastBurst(misses, context.policy.thresholds.dgaBurst)
      const last = burst?.reduce((latest, miss) => miss.ms > latest.ms ? miss : latest)
      const until = last === undefined ? undefined : openUntil(context, last.event, { id: ID }, 'contact')
      if (burst === undefined || until === undefined) continue
      found.push({
        subject: app === '' ? 'dns-query' : app,
        title: `${app === '' ? 'The phone' : `The app ${app}`} asked for ${burst.length} domains within an hour that do not exist and look made by lot, as malware does that searches for its server.`,
        evidence: burst.flatMap(({ event }) => eventEvidence(event, ['host'])),
        expiresAt: toIso(until)
      })
    }
    return found
  }
}
