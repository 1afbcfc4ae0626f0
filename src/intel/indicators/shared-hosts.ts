import { getPublicSuffix } from 'tldts'
import { GUARD_CATEGORIES, GUARDED_HOSTS, type GuardCategory } from './guarded-hosts.js'
import type { Indicator } from './indicator.js'

/** What an operator decided about one host, over what ships with Sallyport. */
export interface GuardOverride {
  readonly host: string
  /** False: lifted. */
  readonly guarded: boolean
}

/** Hosts that no feed can condemn as a whole. Plain data: it can be sent to a thread. */
export interface HostGuard {
  /** Why, for each guarded host and address. */
  readonly hosts: ReadonlyMap<string, GuardCategory | 'added'>
  /** Those of them that speak for all below. */
  readonly withAllBelow: ReadonlySet<string>
  /** Hosts that may be condemned although they, or a host above, are on the list. */
  readonly lifted: ReadonlySet<string>
}

/** The guard as operators have changed it. */
export function createHostGuard (overrides: readonly GuardOverride[] = []): HostGuard {
  const hosts = new Map<string, GuardCategory | 'added'>(GUARDED_HOSTS.map(({ host, category }) => [host, category]))
  const lifted = new Set<string>()
  for (const { host, guarded } of overrides) {
    if (!guarded) lifted.add(host)
    else if (!hosts.has(host)) hosts.set(host, 'added')
  }
  return { hosts, withAllBelow: new Set(GUARDED_HOSTS.filter((one) => one.withAllBelow).map(({ host }) => host)), lifted }
}

export const BUILT_IN_GUARD: HostGuard = createHostGuard()

/** The guarded host that this one is, or is below; undefined when it may be condemned. Asks no list of suffixes, so it is quick. */
export function findGuarding (guard: HostGuard, host: string): string | undefined {
  if (guard.lifted.has(host)) return undefined
  if (guard.hosts.has(host)) return host
  const bare = host.startsWith('www.') ? host.slice(4) : host
  if (bare !== host && guard.hosts.has(bare) && !guard.lifted.has(bare)) return bare
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    const parent = host.slice(dot + 1)
    if (guard.withAllBelow.has(parent) && !guard.lifted.has(parent)) return parent
  }
  return undefined
}

/** Whether names below it are given to strangers (Public Suffix List, both sections). */
export function isPublicSuffix (host: string): boolean {
  return getPublicSuffix(host, { allowPrivateDomains: true }) === host
}

/** Whether only registries give names below it (the list's first section): to condemn it would condemn a country or a trade. */
export function isRegistrySuffix (host: string): boolean {
  return getPublicSuffix(host, { allowPrivateDomains: false }) === host
}

/**
 * Why an indicator cannot be meant: it would condemn a host that strangers share, with all that
 * is there. A URL says which page is meant, unless it is the bare root.
 */
export function whyGuarded (guard: HostGuard, { type, value }: Pick<Indicator, 'type' | 'value'>): string | undefined {
  const host = type === 'url' ? hostOfRoot(value) : type === 'domain' || type === 'ipv4' || type === 'ipv6' ? value : undefined
  if (host === undefined) return undefined
  const guarding = findGuarding(guard, host)
  if (guarding !== undefined) {
    const category = guard.hosts.get(guarding) ?? 'added'
    return `a guarded host (${category === 'added' ? 'added by an operator' : `${category}: ${GUARD_CATEGORIES[category]}`})`
  }
  if ((type === 'domain' || type === 'url') && !guard.lifted.has(host) && isPublicSuffix(host)) return 'a public suffix: strangers have the names below it'
  return undefined
}

/** The host of a URL that names no page. */
function hostOfRoot (value: string): string | undefined {
  if (!URL.canParse(value)) return undefined
  const { hostname, pathname, search } = new URL(value)
  return pathname === '/' && search === '' ? hostname.replace(/^\[|\]$/g, '') : undefined
}

/**
 * Whether what is listed about a domain says something about this host below it: the two are in
 * the same hands. A public suffix between them parts them, also one that is not listed itself:
 * `fastly.net` is no suffix, but strangers are below `map.fastly.net`. A guarded host speaks for
 * nobody; one that an operator lifted speaks for all below.
 */
export function speaksFor (domain: string, hostBelow: string, guard: HostGuard = BUILT_IN_GUARD): boolean {
  if (guard.lifted.has(domain)) return true
  return findGuarding(guard, domain) === undefined && domain.length > (getPublicSuffix(hostBelow, { allowPrivateDomains: true })?.length ?? 0)
}
