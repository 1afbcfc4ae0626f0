import type { App } from '../../telemetry/report.js'
import type { Evidence } from '../detection.js'
import type { Policy } from '../policy/policy.js'
import { isFromStore } from './app-traits.js'
import { keyed } from './intel-entries.js'
import { isTrustedStore } from './organisation.js'

/** What an app tells in these fields; what it does not tell is left out. */
export function appEvidence (app: App, ...fields: ReadonlyArray<keyof App>): readonly Evidence[] {
  const place = keyed('apps.items', app.appId)
  return fields.flatMap((field) => app[field] === undefined ? [] : [{ path: `${place}.${field}`, value: app[field] }])
}

/** `The app "Mail" (com.example.mail)`, for titles. */
export const describeApp = ({ appId, name }: Pick<App, 'appId' | 'name'>): string => name === undefined ? `The app ${appId}` : `The app "${name}" (${appId})`

/** Whether a store brought it: the platform's own, a maker's, or one that the organisation takes for as good. */
export function isFromGoodStore (policy: Policy, app: App): boolean {
  return isFromStore(app) || (typeof app.installer === 'string' && isTrustedStore(policy, app.installer)) || (app.distributor !== undefined && isTrustedStore(policy, app.distributor))
}
