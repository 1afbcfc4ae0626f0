import type { DeviceState, KeptEvent } from './device-state.js'
import type { App } from './report.js'

/** Members of events that tell where a person was, or with whom. */
const PERSONAL_IN_EVENTS = ['ssid', 'bssid', 'sender'] as const

/**
 * A state without what is nobody's business once it was judged: where a page lay on its site,
 * senders of messages, names of Wi-Fi networks and access points, names of apps (their ids
 * stay: they are what is judged). Events that open findings rest on stay whole until those are
 * closed, or nobody could tell when they are over. App lists keep the digest of what was sent.
 * The network in use stays nameless: that a phone left another one, its next report tells.
 */
export function withoutPersonalFields (state: DeviceState, isEvidence: (event: KeptEvent) => boolean): DeviceState {
  const { apps, network, events, pendingApps, ...rest } = state
  const judged = events.map((event) => isEvidence(event) ? event : impersonal(event))
  return {
    ...rest,
    ...(apps === undefined ? {} : { apps: Object.values(apps.items).some(hasName) ? { digest: apps.digest, items: Object.fromEntries(Object.entries(apps.items).map(([id, app]) => [id, nameless(app)])) } : apps }),
    ...(network === undefined ? {} : { network: withoutNames(network) }),
    ...(pendingApps === undefined ? {} : { pendingApps: pendingApps.map((delta) => ({ ...delta, upsert: delta.upsert.map(nameless) })) }),
    // What is the same list is not written anew.
    events: judged.every((event, index) => event === events[index]) ? events : judged
  }
}

const hasName = (app: App): boolean => app.name !== undefined

function nameless (app: App): App {
  if (!hasName(app)) return app
  const { name: _, ...rest } = app
  return rest
}

function withoutNames (network: NonNullable<DeviceState['network']>): NonNullable<DeviceState['network']> {
  if (network.wifi?.ssid === undefined && network.wifi?.bssid === undefined) return network
  const { ssid: _, bssid: __, ...wifi } = network.wifi
  return { ...network, wifi }
}

function impersonal (event: KeptEvent): KeptEvent {
  const site = event.url === undefined ? undefined : siteOf(event.url)
  if (site === event.url && PERSONAL_IN_EVENTS.every((member) => event[member] === undefined)) return event
  const { ssid: _, bssid: __, sender: ___, url: ____, ...rest } = event
  return { ...rest, ...(site === undefined ? {} : { url: site }) } as KeptEvent
}

/** The site alone: a site that is found to be bad later is still recognised. */
function siteOf (url: string): string | undefined {
  return URL.canParse(url) && new URL(url).origin !== 'null' ? `${new URL(url).origin}/` : undefined
}
