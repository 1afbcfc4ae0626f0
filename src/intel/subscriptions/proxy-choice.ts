import ipaddr from 'ipaddr.js'

/** Outgoing proxies as the environment names them for all programs. */
export interface ProxySettings {
  readonly http?: string | undefined
  readonly https?: string | undefined
  /** Hosts that are spoken to directly, by commas or spaces. */
  readonly except?: string | undefined
}

/** The proxy for an address; undefined: directly. */
export type ProxyChoice = (url: URL) => string | undefined

/** What only an organisation's own network resolves. What stands behind the proxy is as private as what stands before it. */
const INSIDE = /^[^.]+$|\.(?:local|localhost|localdomain|internal|intranet|private|corp|home|lan|home\.arpa)$/

/** Whether a name can only mean a host inside (RFC 6761, RFC 6762, RFC 8375, and ICANN's reserved ones). */
export const meansInside = (host: string): boolean => INSIDE.test(host.replace(/\.$/, '').toLowerCase())

/**
 * Which proxy is meant, as curl reads these settings: an exception names a host and all below it,
 * with or without a leading dot or `*.`, an address, a network (`10.0.0.0/8`), any of them with a port; `*` is everything.
 */
export function createProxyChoice ({ http, https, except = '' }: ProxySettings): ProxyChoice {
  const exceptions = except.split(/[\s,]+/).filter((one) => one !== '').map(readException)
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http
    if (proxy === undefined) return undefined
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '').toLowerCase()
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    return exceptions.some((holds) => holds(host, port)) ? undefined : proxy
  }
}

function readException (text: string): (host: string, port: string) => boolean {
  if (text === '*') return () => true
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  // A second colon stands in an IPv6 address.
  const [, name = text, onlyPort] = bracketed ?? /^([^:]+):(\d+)$/.exec(text) ?? []
  const plain = name.toLowerCase().replace(/^\*?\./, '').replace(/\.$/, '')
  const isMeant = plain.includes('/') && ipaddr.isValidCIDR(plain) ? within(plain) : (host: string) => host === plain || (!ipaddr.isValid(host) && host.endsWith(`.${plain}`))
  return (host, port) => (onlyPort === undefined || onlyPort === port) && isMeant(host)
}

function within (range: string): (host: string) => boolean {
  const network = ipaddr.parseCIDR(range)
  return (host) => {
    if (!ipaddr.isValid(host)) return false
    const address = ipaddr.process(host)
    return address.kind() === network[0].kind() && address.match(network)
  }
}
