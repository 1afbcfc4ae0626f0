import { APP_TYPES } from './graph-types-apps.js'
import { DIRECTORY_TYPES } from './graph-types-directory.js'
import { DEVICE_TYPES } from './graph-types-devices.js'
import type { GraphVersion } from './connector.js'

/** One property of a Graph type, in the words of Microsoft's metadata. */
export interface GraphProperty {
  /** `Edm.…`, the name of an enum or type of these tables, or `Collection(…)` of one. */
  readonly type: string
  /** Beta only. Absent: in v1.0 as well. */
  readonly beta?: true
  /** Set by the service: refused when written. */
  readonly readOnly?: true
  /** `create`: must be in the body that creates it. */
  readonly required?: true
  /** Null is refused. */
  readonly notNull?: true
}

export interface GraphType {
  readonly base?: string
  /** Beta only. */
  readonly beta?: true
  /** Only types derived from it can be created. */
  readonly abstract?: true
  readonly properties: Readonly<Record<string, GraphProperty>>
}

/** What this Graph knows of Microsoft's types. Everything else is refused, as unknown properties are. */
export const GRAPH_TYPES: Readonly<Record<string, GraphType>> = { ...DIRECTORY_TYPES, ...DEVICE_TYPES, ...APP_TYPES }

const shownProperties = new Map<string, Readonly<Record<string, GraphProperty>>>()

/** The properties of a type and of those it is derived from, as far as the version shows them. */
export function propertiesOf (name: string, version: GraphVersion): Readonly<Record<string, GraphProperty>> {
  const key = `${version} ${name}`
  const known = shownProperties.get(key)
  if (known !== undefined) return known
  const type = GRAPH_TYPES[name]
  if (type === undefined) throw new Error(`no Graph type ${name}`)
  const own = Object.entries(type.properties).filter(([, { beta }]) => version === 'beta' || beta === undefined)
  const shown = { ...(type.base === undefined ? {} : propertiesOf(type.base, version)), ...Object.fromEntries(own) }
  shownProperties.set(key, shown)
  return shown
}

export const propertyNames = (name: string, version: GraphVersion): string[] => Object.keys(propertiesOf(name, version))

/** The row without what the version does not show. */
export function showIn (version: GraphVersion, name: string, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = propertiesOf(name, version)
  return Object.fromEntries(Object.entries(row).filter(([property]) => property.startsWith('@') || Object.hasOwn(shown, property)))
}
