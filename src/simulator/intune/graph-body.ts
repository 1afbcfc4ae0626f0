import type { GraphVersion } from './connector.js'
import { GRAPH_ENUMS, graphEnum, type GraphEnumName } from './graph-enums.js'
import { badRequest } from './graph-errors.js'
import { GRAPH_TYPES, propertiesOf } from './graph-types.js'
import { GUID, parseUtcTime } from './vocabulary.js'

const PREFIX = '#microsoft.graph.'
const INT32_MAX = 2_147_483_647
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** What a body is checked against. */
export interface BodyRules {
  /** The type the address stands for; the body may name one derived from it. */
  readonly declared: string
  readonly version: GraphVersion
  /** True: what is required must be there. False: only what is to change is. */
  readonly creating: boolean
  /** The type the thing already has, which no change may touch. */
  readonly existing?: string
  /** Properties that this address takes besides, each checked by its own rules. */
  readonly besides?: readonly string[]
}

/**
 * Checks a body against Microsoft's metadata: names with their letter case, types, enum members,
 * what only beta knows and what only the service sets. @returns the concrete type.
 * @throws GraphError
 */
export function checkGraphBody (body: Readonly<Record<string, unknown>>, { declared, version, creating, existing, besides = [] }: BodyRules): string {
  const name = typeOf(body, existing ?? declared, declared, version)
  if (existing !== undefined && name !== existing) throw badRequest(`The type of the resource is 'microsoft.graph.${existing}' and cannot be changed to 'microsoft.graph.${name}'.`)
  const properties = propertiesOf(name, version)
  for (const [property, value] of Object.entries(body)) {
    if (property === '@odata.type' || besides.includes(property)) continue
    const definition = Object.hasOwn(properties, property) ? properties[property] : undefined
    if (definition === undefined) throw badRequest(`The property '${property}' does not exist on type 'microsoft.graph.${name}'. Make sure to only use property names that are defined by the type.`)
    if (definition.readOnly === true) throw badRequest(`The property '${property}' is read-only and cannot be set.`)
    if (value === null) {
      if (definition.notNull === true) throw badRequest(`A null value was found for the property named '${property}', which has the expected type '${definition.type}[Nullable=False]'. The expected type '${definition.type}[Nullable=False]' does not allow null values.`)
    } else {
      checkValue(value, definition.type, property, version)
    }
  }
  if (creating) {
    for (const [property, { required }] of Object.entries(properties)) {
      if (required === true && (body[property] === undefined || body[property] === '')) throw badRequest(`The property '${property}' is required to create a '${name}'.`)
    }
  }
  return name
}

/** `@odata.type` of the body, or the type that is meant without it. */
function typeOf (body: Readonly<Record<string, unknown>>, assumed: string, declared: string, version: GraphVersion): string {
  const stated = body['@odata.type']
  const name = stated === undefined ? assumed : typeof stated === 'string' ? stated.startsWith(PREFIX) ? stated.slice(PREFIX.length) : stated.replace(/^microsoft\.graph\./, '#') : '#'
  const type = Object.hasOwn(GRAPH_TYPES, name) ? GRAPH_TYPES[name] : undefined
  if (type === undefined || (type.beta === true && version === 'v1.0')) throw badRequest(`A type named '${String(stated).replace(/^#/, '')}' could not be resolved by the model. When a model is available, each type name must resolve to a valid type.`)
  if (!isDerived(name, declared)) throw badRequest(`A type 'microsoft.graph.${name}' is not assignable to the expected type 'microsoft.graph.${declared}'.`)
  if (type.abstract === true) throw badRequest(`The property '@odata.type' is required: 'microsoft.graph.${name}' is abstract and cannot be created.`)
  return name
}

function isDerived (name: string, from: string): boolean {
  const base = GRAPH_TYPES[name]?.base
  return name === from || (base !== undefined && isDerived(base, from))
}

/** One value against its type, all the way down. @throws GraphError */
function checkValue (value: unknown, type: string, property: string, version: GraphVersion): void {
  const element = /^Collection\((.+)\)$/.exec(type)?.[1]
  if (element !== undefined) {
    if (!Array.isArray(value)) throw cannotConvert(property, type)
    for (const item of value) checkValue(item, element, property, version)
    return
  }
  if (type.startsWith('Edm.')) {
    if (!PRIMITIVES[type]!(value)) throw cannotConvert(property, type)
    return
  }
  if (Object.hasOwn(GRAPH_ENUMS, type)) {
    const { members, beta = [] } = graphEnum(type as GraphEnumName)
    if (!members.includes(value as string) && !(version === 'beta' && beta.includes(value as string))) throw badRequest(`Requested value '${String(value)}' was not found: it is not a member of 'microsoft.graph.${type}'.`)
    return
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw cannotConvert(property, `microsoft.graph.${type}`)
  checkGraphBody(value as Record<string, unknown>, { declared: type, version, creating: true })
}

const cannotConvert = (property: string, type: string): Error => badRequest(`Cannot convert the value of '${property}' to the expected type '${type}'.`)

const PRIMITIVES: Readonly<Record<string, (value: unknown) => boolean>> = {
  'Edm.String': (value) => typeof value === 'string',
  'Edm.Boolean': (value) => typeof value === 'boolean',
  'Edm.Int32': (value) => Number.isInteger(value) && Math.abs(value as number) <= INT32_MAX,
  'Edm.Int64': (value) => Number.isSafeInteger(value),
  'Edm.Double': (value) => typeof value === 'number',
  'Edm.Guid': (value) => typeof value === 'string' && GUID.test(value),
  'Edm.DateTimeOffset': (value) => parseUtcTime(value) !== undefined,
  'Edm.Binary': (value) => typeof value === 'string' && BASE64.test(value)
}
