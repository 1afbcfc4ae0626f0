import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.js'
import type { App } from './report.js'

/** How phones compute the digest; stands in the API description. */
export const APP_DIGEST_DESCRIPTION =
  'SHA-256, lower-case hex, of the UTF-8 bytes of the installed-app list as canonical JSON (RFC 8785): ' +
  'an array of all apps sorted by the UTF-16 code units of appId, each app with all the members it was ' +
  'last reported with, without members that are unknown (absent, empty strings, "unknown", "null", ' +
  '"*_UNSPECIFIED"; `installer: null` is known and stays). An upsert replaces an app whole. ' +
  'The empty list is `[]`.'

/** Digest of an installed-app list; of two entries with one app id the later counts. */
export function digestApps (items: Iterable<App>): string {
  const byId = new Map<string, App>()
  for (const app of items) byId.set(app.appId, app)
  return digestSortedApps([...byId.keys()].sort().map((appId) => byId.get(appId)!))
}

/** The same for apps that are sorted already, each app id once. */
export function digestSortedApps (apps: readonly App[]): string {
  let text = '['
  for (const app of apps) text += `${text === '[' ? '' : ','}${canonicalApp(app)}`
  return createHash('sha256').update(text).update(']').digest('hex')
}

const texts = new WeakMap<App, string>()

/** An app as canonical JSON. Written once for an app that is on many lists; apps never change. */
export function canonicalApp (app: App): string {
  let text = texts.get(app)
  if (text === undefined) {
    text = canonicalJson(app)
    texts.set(app, text)
  }
  return text
}
