import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns'
import ipaddr from 'ipaddr.js'

/** Which addresses may be talked to where somebody else says whom to talk to. */
export interface AddressGuard {
  /** Why this host may not be spoken to by its name alone, or undefined: an address is judged here, a name once it is resolved. */
  refuseHost (host: string): string | undefined
  /** Why this address may not be spoken to as this host, or undefined. */
  refuseAddress (host: string, address: string): string | undefined
  /**
   * For `net.connect`: resolves a name and hands on only addresses that may be spoken to, so that
   * the address that was judged is the one that is connected to, whatever DNS answers next.
   */
  lookup (host: string, options: LookupOptions, done: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void): void
  /** Whether the installation names this host as one of its own network. */
  namesPrivate (host: string): boolean
}

export interface AddressGuardOptions {
  /** Hosts of the installation's own network that are allowed; a leading dot means any host below. */
  readonly privateHosts: readonly string[]
  /** What would allow a private address, for whoever is refused one. */
  readonly howToAllow?: string
  /** Stands in for DNS in tests. */
  readonly resolve?: typeof resolve
}

/** An address that must not be spoken to, whatever name led there. */
export class AddressRefusedError extends Error {
  readonly code = 'address-refused'
}

/** What answers here belongs to the machine's cloud or to the link, and to nobody else. */
const NEVER = ['linkLocal', 'multicast', 'broadcast', 'unspecified']
/**
 * Azure's WireServer has a public address; 192.0.0.192 (Oracle), 100.100.100.200 (Alibaba) and
 * fd00:ec2::254 (AWS) stand in ranges that could be a customer's own.
 */
const METADATA = new Set(['168.63.129.16', '192.0.0.192', '100.100.100.200', 'fd00:ec2::254'])
/** All that IANA has given out for global use: whatever else there is needs no list. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3')
/** RFC 6052; DNS64 answers with these where there is no IPv4. Its sibling 64:ff9b:1::/48 is for local use (RFC 8215). */
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96')

const HOW_TO_ALLOW = 'INTEL_ALLOW_PRIVATE_HOSTS must name the host, and the subscription allow private addresses'

/** Judges addresses; without `howToAllow`, in the words of subscriptions. */
export function createAddressGuard ({ privateHosts, howToAllow = HOW_TO_ALLOW, resolve: ask = resolve }: AddressGuardOptions): AddressGuard {
  const exact = new Set(privateHosts.filter((host) => !host.startsWith('.')).map(plainHost))
  const below = privateHosts.filter((host) => host.startsWith('.')).map((host) => host.toLowerCase())
  const mayBePrivate = (host: string): boolean => exact.has(host) || below.some((end) => host.endsWith(end))

  const refuseAddress: AddressGuard['refuseAddress'] = (host, address) => {
    const kind = kindOfAddress(address)
    if (kind === 'public') return undefined
    if (kind === 'private' && mayBePrivate(plainHost(host))) return undefined
    return kind === 'never'
      ? `${host} has the address ${address}, which no server of others can have`
      : `${host} has the address ${address}, which is not public; ${howToAllow}`
  }

  return {
    refuseHost: (host) => ipaddr.isValid(plainHost(host)) ? refuseAddress(host, plainHost(host)) : undefined,
    refuseAddress,
    namesPrivate: (host) => mayBePrivate(plainHost(host)),
    lookup (host, options, done) {
      ask(host, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return done(error, [])
        // One forbidden address among good ones is no accident, and the next connection could take it.
        for (const { address } of addresses) {
          const reason = refuseAddress(host, address)
          if (reason !== undefined) return done(new AddressRefusedError(reason), [])
        }
        const [first] = addresses
        if (first === undefined) done(Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }), [])
        else if (options.all === true) done(null, addresses)
        else done(null, first.address, first.family)
      })
    }
  }
}

/** Whether anybody may reach it (`public`), only who is inside (`private`), or nobody we talk to can be there (`never`). */
export function kindOfAddress (text: string): 'public' | 'private' | 'never' {
  if (!ipaddr.isValid(text)) return 'never'
  const address = ipaddr.process(text)
  if (METADATA.has(address.toString())) return 'never'
  const range: string = address.range()
  if (NEVER.includes(range)) return 'never'
  if (address.kind() === 'ipv4') return range === 'unicast' ? 'public' : 'private'
  if (address.match(NAT64)) return kindOfAddress(address.toByteArray().slice(12).join('.'))
  return range === 'unicast' && address.match(GLOBAL_IPV6) ? 'public' : 'private'
}

/** `[::1]` → `::1`, `Mirror.Example.` → `mirror.example`. */
function plainHost (host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '').toLowerCase()
}
