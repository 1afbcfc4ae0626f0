import type { AddressGuard } from '../../platform/address-guard.js'

const MAX_URL_LENGTH = 2_048

/**
 * Why an address cannot be told anything, or undefined. Without TLS only hosts that the
 * installation names as its own; where a name leads is judged when it is connected to.
 * @param secure the protocols with TLS, `plain` those without
 */
export function faultInUrl (text: string, guard: AddressGuard, { secure = 'https:', plain = 'http:' } = {}): string | undefined {
  if (text.length > MAX_URL_LENGTH) return `has more than ${MAX_URL_LENGTH} characters`
  if (!URL.canParse(text)) return 'is not a URL'
  const url = new URL(text)
  if (url.hostname === '') return 'names no host'
  if (url.username !== '' || url.password !== '') return 'holds a name or password'
  if (url.protocol !== secure) {
    if (url.protocol !== plain) return `must begin with ${secure}//`
    if (!guard.namesPrivate(url.hostname)) return `must begin with ${secure}//, unless SIGNALS_ALLOW_PRIVATE_HOSTS names the host`
  }
  return guard.refuseHost(url.hostname)
}
