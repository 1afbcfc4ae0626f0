import type { Severity } from '../level.js'

/**
 * Payloads with which a configuration profile of iOS reads or redirects what a phone sends, or governs
 * it, in words, and how grave that is in a stranger's hands. Types:
 * https://developer.apple.com/documentation/devicemanagement/profile-specific-payload-keys
 */
export const POWERFUL_PAYLOADS: ReadonlyMap<string, { readonly words: string, readonly severity: Severity }> = new Map([
  ['com.apple.vpn.managed', { words: 'a VPN', severity: 'medium' }],
  ['com.apple.vpn.managed.applayer', { words: 'a VPN', severity: 'medium' }],
  ['com.apple.proxy.http.global', { words: 'a proxy', severity: 'medium' }],
  ['com.apple.relay.managed', { words: 'a relay', severity: 'medium' }],
  ['com.apple.webcontent-filter', { words: 'a content filter', severity: 'medium' }],
  ['com.apple.security.root', { words: 'a root certificate', severity: 'medium' }],
  // Filters of advertisements and resolvers of one's choice come like this.
  ['com.apple.dnsSettings.managed', { words: 'a DNS server', severity: 'low' }],
  ['com.apple.dnsProxy.managed', { words: 'a DNS proxy', severity: 'medium' }]
])

/** The payload of management itself. */
export const MDM_PAYLOAD = 'com.apple.mdm'
export const ROOT_PAYLOAD = 'com.apple.security.root'
/** A network that checks who joins it needs its own root beside it; universities (eduroam) hand out such profiles. */
export const WIFI_PAYLOAD = 'com.apple.wifi.managed'
