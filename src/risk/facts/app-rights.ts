import type { App } from '../../telemetry/report.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { appOf, hasTrait } from './app-facts.js'
import { appEvidence } from './app-matches.js'
import { looksPreinstalled } from './distinctive-names.js'
import { isAllowedApp, isAllowedAppId } from './organisation.js'

/** A package that has a far-reaching right on the phone. */
export interface RightHolder {
  readonly appId: string
  /** Undefined: the list of apps does not tell of it, or was not told. */
  readonly app: App | undefined
  /** It came from a file or a computer. */
  readonly isSideloaded: boolean
  readonly evidence: readonly Evidence[]
}

const NOBODY: readonly RightHolder[] = []

/**
 * Who has a right, of those who are named for it (`package`, or `package/component`) at a path:
 * neither the phone's own nor management's apps, nor what the organisation allows, nor those
 * known to be harmless, unless one came round the stores, as imitations do.
 */
export function rightHolders (context: DetectionContext, path: string, named: readonly string[] | undefined, harmless: ReadonlySet<string>): readonly RightHolder[] {
  if (named === undefined || named.length === 0) return NOBODY
  const holders: RightHolder[] = []
  for (let index = 0; index < named.length; index++) {
    const component = named[index]!
    const slash = component.indexOf('/')
    const holder = holderOf(context, slash === -1 ? component : component.slice(0, slash), harmless)
    if (holder !== undefined) holders.push({ ...holder, evidence: [{ path: `${path}[${index}]`, value: component }, ...holder.evidence] })
  }
  return holders
}

/** The same for one package; undefined when it may have the right. */
export function holderOf ({ state, policy }: DetectionContext, appId: string, harmless: ReadonlySet<string>): RightHolder | undefined {
  const app = appOf(state, appId)
  if (app === undefined) {
    // What nobody told of may be the phone's own.
    if (harmless.has(appId) || looksPreinstalled(appId) || isAllowedAppId(policy, appId)) return undefined
    return { appId, app, isSideloaded: false, evidence: [] }
  }
  if (app.system === true || app.managed === true || isAllowedApp(policy, app)) return undefined
  const isSideloaded = hasTrait(app, 'sideloaded') || hasTrait(app, 'byAdb')
  if (!isSideloaded && (harmless.has(appId) || (app.system === undefined && looksPreinstalled(appId)))) return undefined
  return { appId, app, isSideloaded, evidence: appEvidence(app, 'installer', 'installInitiator', 'system') }
}

/** `, which came from no store,`, for titles. */
export const roundTheStores = ({ isSideloaded }: RightHolder): string => isSideloaded ? ', which came from no store,' : ''
