import { RE2JS } from 're2js'
import type { App } from '../../telemetry/report.js'
import type { AppRule, Policy, TrustedNetwork } from '../policy/policy.js'
import type { AppFacts } from './app-facts.js'
import { normalizeHex } from './intel-entries.js'

/** What an organisation says of apps, hosts, certificates and networks, made quick to ask. */
interface Organisation {
  readonly allowedApps: AppRules
  readonly deniedApps: AppRules
  readonly allowedDomains: ReadonlySet<string>
  readonly deniedDomains: ReadonlySet<string>
  readonly certificates: ReadonlySet<string>
  readonly proxies: ReadonlySet<string>
  readonly vpns: NamePatterns
  readonly accessibility: NamePatterns
  readonly models: NamePatterns
  readonly profiles: NamePatterns
  readonly organizations: ReadonlySet<string>
  readonly signers: ReadonlyMap<string, ReadonlySet<string>>
}

/** A policy never changes, and thousands of phones share one. */
const known = new WeakMap<Policy, Organisation>()
const NONE_DENIED: readonly never[] = []

function organisationOf (policy: Policy): Organisation {
  let organisation = known.get(policy)
  if (organisation === undefined) {
    known.set(policy, organisation = {
      allowedApps: new AppRules(policy.apps.allow),
      deniedApps: new AppRules(policy.apps.deny),
      allowedDomains: new Set(policy.domains.allow.map(normalizeHost)),
      deniedDomains: new Set(policy.domains.deny.map(normalizeHost)),
      certificates: new Set(policy.certificates.allow.map(normalizeHex)),
      proxies: new Set(policy.proxies.allow.map((proxy) => proxy.toLowerCase())),
      vpns: new NamePatterns(policy.vpns.allow),
      accessibility: new NamePatterns(policy.accessibility.allow),
      models: new NamePatterns(policy.models.allow, { ignoreCase: true }),
      profiles: new NamePatterns(policy.management.profiles),
      organizations: new Set(policy.management.organizations.map((name) => name.toLowerCase())),
      signers: new Map(Object.entries(policy.apps.signers).map(([appId, digests]) => [appId, new Set(digests.map(normalizeHex))]))
    })
  }
  return organisation
}

/** Whether the organisation vouches for an app by name, signer or package. */
export const isAllowedApp = (policy: Policy, app: App): boolean => organisationOf(policy).allowedApps.find(app) !== undefined

/** Whether the organisation vouches for whatever has this app id, the only thing that is known of it. */
export const isAllowedAppId = (policy: Policy, appId: string): boolean => organisationOf(policy).allowedApps.find({ appId }) !== undefined

/** The rule by which the organisation forbids an app. */
export const denyingRule = (policy: Policy, app: App): AppRule | undefined => organisationOf(policy).deniedApps.find(app)

/** The apps that the organisation forbids, in the order of the list. */
export function deniedApps (policy: Policy, apps: readonly AppFacts[]): ReadonlyArray<{ readonly app: App, readonly rule: AppRule }> {
  const rules = organisationOf(policy).deniedApps
  let denied: Array<{ readonly app: App, readonly rule: AppRule }> | undefined
  for (const facts of apps) {
    if (facts.undeniedBy === rules) continue
    const rule = rules.find(facts.app)
    if (rule === undefined) facts.undeniedBy = rules
    else (denied ??= []).push({ app: facts.app, rule })
  }
  return denied ?? NONE_DENIED
}

/** Who may sign an app, by app id: SHA-256 of certificates. */
export const namedSigners = (policy: Policy): ReadonlyMap<string, ReadonlySet<string>> => organisationOf(policy).signers

/** Whether the organisation takes a store (an installer, a marketplace) for as good as the platform's own. */
export const isTrustedStore = (policy: Policy, store: string): boolean => policy.apps.stores.includes(store)

/** Whether the host, or a domain that it is in, is on the organisation's list. */
export const isAllowedHost = (policy: Policy, host: string): boolean => isUnder(organisationOf(policy).allowedDomains, host)
export const isDeniedHost = (policy: Policy, host: string): boolean => isUnder(organisationOf(policy).deniedDomains, host)

/** @param sha256 in hex, as agents write it */
export const isTrustedCertificate = (policy: Policy, sha256: string): boolean => organisationOf(policy).certificates.has(normalizeHex(sha256))

export function isTrustedProxy (policy: Policy, host: string, port: number | undefined): boolean {
  const { proxies } = organisationOf(policy)
  const name = host.toLowerCase()
  return proxies.has(name) || (port !== undefined && proxies.has(`${name}:${port}`))
}

export const isTrustedVpn = (policy: Policy, appId: string): boolean => organisationOf(policy).vpns.match(appId)

/** @param service `package/service` */
export function isAllowedAccessibility (policy: Policy, service: string): boolean {
  const { accessibility } = organisationOf(policy)
  return accessibility.match(service) || accessibility.match(service.split('/')[0]!)
}

/** True when the organisation admits every model. */
export const isAdmittedModel = (policy: Policy, model: string): boolean =>
  policy.models.allow.length === 0 || organisationOf(policy).models.match(model)

/** Whether a configuration profile is the organisation's own. */
export function isOwnProfile (policy: Policy, profile: { readonly identifier?: string, readonly organization?: string }): boolean {
  const { profiles, organizations } = organisationOf(policy)
  return (profile.identifier !== undefined && profiles.match(profile.identifier)) ||
    (profile.organization !== undefined && organizations.has(profile.organization.toLowerCase()))
}

/** The organisation's network of this name. */
export const trustedNetwork = (policy: Policy, ssid: string): TrustedNetwork | undefined =>
  policy.networks.trusted.find((network) => network.ssid === ssid)

/** Whether the organisation warns of a Wi-Fi by its name, its access point, or both at once. */
export function isDeniedNetwork (policy: Policy, { ssid, bssid }: { readonly ssid?: string, readonly bssid?: string }): boolean {
  return policy.networks.deny.some((denied) => (denied.ssid !== undefined || denied.bssid !== undefined) &&
    (denied.ssid === undefined || denied.ssid === ssid) &&
    (denied.bssid === undefined || denied.bssid.toLowerCase() === bssid?.toLowerCase()))
}

const normalizeHost = (host: string): string => host.toLowerCase().replace(/^\*?\./, '').replace(/\.$/, '')

function isUnder (domains: ReadonlySet<string>, host: string): boolean {
  if (domains.size === 0) return false
  for (let name = normalizeHost(host); ; name = name.slice(name.indexOf('.') + 1)) {
    if (domains.has(name)) return true
    if (!name.includes('.')) return false
  }
}

/** Names, where `com.example.*` means every name that begins with `com.example.`. */
class NamePatterns {
  readonly #exact = new Set<string>()
  readonly #prefixes: string[] = []
  readonly #ignoreCase: boolean

  constructor (patterns: readonly string[], { ignoreCase = false }: { readonly ignoreCase?: boolean } = {}) {
    this.#ignoreCase = ignoreCase
    for (const written of patterns) {
      const pattern = ignoreCase ? written.toLowerCase() : written
      if (pattern.endsWith('*')) this.#prefixes.push(pattern.slice(0, -1))
      else this.#exact.add(pattern)
    }
  }

  match (written: string): boolean {
    const name = this.#ignoreCase ? written.toLowerCase() : written
    return this.#exact.has(name) || this.#prefixes.some((prefix) => name.startsWith(prefix))
  }
}

const MAX_MATCHED_NAME = 256

interface CompiledRule { readonly rule: AppRule, matches (app: App): boolean }

/** Rules about apps; what was found for an app is remembered, because thousands of phones have the same. */
class AppRules {
  readonly #ids = new Set<string>()
  readonly #others: CompiledRule[] = []
  readonly #found = new WeakMap<App, { readonly rule: AppRule | undefined }>()

  constructor (rules: readonly AppRule[]) {
    for (const rule of rules) {
      if (typeof rule === 'string' && !rule.endsWith('*')) this.#ids.add(rule)
      else this.#others.push(compileRule(rule))
    }
  }

  find (app: App): AppRule | undefined {
    if (this.#ids.has(app.appId)) return app.appId
    if (this.#others.length === 0) return undefined
    let found = this.#found.get(app)
    if (found === undefined) this.#found.set(app, found = { rule: this.#others.find(({ matches }) => matches(app))?.rule })
    return found.rule
  }
}

function compileRule (rule: AppRule): CompiledRule {
  if (typeof rule === 'string') {
    const ids = new NamePatterns([rule])
    return { rule, matches: ({ appId }) => ids.match(appId) }
  }
  const conditions: Array<(app: App) => boolean> = []
  if (rule.appId !== undefined) {
    const ids = new NamePatterns([rule.appId])
    conditions.push(({ appId }) => ids.match(appId))
  }
  if (rule.hash !== undefined) {
    const digest = normalizeHex(rule.hash)
    conditions.push(({ sha256, sha1, md5 }) => [sha256, sha1, md5].some((own) => own !== undefined && normalizeHex(own) === digest))
  }
  if (rule.certificate !== undefined) {
    const digest = normalizeHex(rule.certificate)
    conditions.push(({ signingCertSha256 = [], signingCertSha1 = [], signingCertMd5 = [] }) =>
      [...signingCertSha256, ...signingCertSha1, ...signingCertMd5].some((own) => normalizeHex(own) === digest))
  }
  if (rule.name !== undefined) {
    const name = rule.name.toLowerCase()
    conditions.push((app) => app.name?.toLowerCase() === name)
  }
  if (rule.namePattern !== undefined) {
    // Linear in the length of the name, whatever the pattern; and of a name that fills the screen its beginning is what people read.
    const pattern = RE2JS.compile(rule.namePattern)
    conditions.push(({ name }) => name !== undefined && pattern.matcher(name.slice(0, MAX_MATCHED_NAME)).find())
  }
  // A rule that says nothing means no app, not all of them.
  return { rule, matches: (app) => conditions.length > 0 && conditions.every((condition) => condition(app)) }
}
