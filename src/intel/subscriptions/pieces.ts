import type { StixObject } from './taxii-client.js'

/** What a publisher's answer turned out to be, or what is wrong with it. */
export type Read<T> = { readonly value: T } | { readonly fault: string }

/** A TAXII resource; the objects of a page stand apart, each as JSON. */
export interface TaxiiResource {
  readonly resource: Readonly<Record<string, unknown>>
  readonly objects: readonly StixObject[]
}

/** Reads a TAXII 2.1 answer. Pure: large ones are read in a thread. */
export function readTaxiiResource (text: string): Read<TaxiiResource> {
  const whole = parseObject(text)
  if (whole === undefined) return { fault: 'the TAXII server\'s answer is no JSON object' }
  const { objects: onPage = [], ...resource } = whole
  if (!Array.isArray(onPage)) return { fault: 'a page\'s objects are no list' }
  const objects: StixObject[] = []
  for (const one of onPage as unknown[]) {
    const { id, modified, created } = (typeof one === 'object' && one !== null ? one : {}) as Readonly<Record<string, unknown>>
    if (typeof id !== 'string' || id === '' || id.length > 300) return { fault: 'a page holds an object without an id' }
    const version = [modified, created].find((time): time is string => typeof time === 'string' && isTime(time))
    objects.push({ id, modified: version === undefined ? '' : timeKey(version), json: JSON.stringify(one) })
  }
  return { value: { resource, objects } }
}

/** Digits of a Unix time, so that times sort as text. */
const TIME_DIGITS = 12
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Event ids of a MISP feed's manifest, and their times. */
export function readMispManifest (text: string): Read<ReadonlyMap<string, string>> {
  const manifest = parseObject(text)
  if (manifest === undefined) return { fault: 'the manifest is not a JSON object' }
  const events = new Map<string, string>()
  for (const [id, entry] of Object.entries(manifest)) {
    const { timestamp } = (entry ?? {}) as { readonly timestamp?: unknown }
    const digits = typeof timestamp === 'string' || typeof timestamp === 'number' ? String(timestamp) : ''
    if (!UUID.test(id) || !/^\d{1,12}$/.test(digits)) return { fault: 'the address does not lead to the manifest of a MISP feed' }
    events.set(id.toLowerCase(), digits.padStart(TIME_DIGITS, '0'))
  }
  return { value: events }
}

/** A MISP event as JSON, without attached files: no indicator is in them. */
export function readMispEvent (text: string): Read<string> {
  const file = parseObject(text)
  if (file === undefined) return { fault: 'is not a JSON object' }
  if (typeof file.Event !== 'object' || file.Event === null) return { fault: 'holds no event' }
  return { value: JSON.stringify({ Event: file.Event }, (key, value: unknown) => key === 'data' && typeof value === 'string' ? undefined : value) }
}

/** Undefined: it is none. */
export function parseObject (text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

export const isTime = (text: string): boolean => text.length <= 64 && !Number.isNaN(Date.parse(text))

/** Timestamps have any number of digits after the second, and all of them count. */
export function timeKey (text: string): string {
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?Z$/i.exec(text) ?? []
  return seconds === undefined ? timeKey(new Date(text).toISOString()) : `${seconds}.${fraction.padEnd(9, '0')}Z`
}
