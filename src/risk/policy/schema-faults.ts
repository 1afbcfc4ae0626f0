import type { ErrorObject } from 'ajv'
import type { PolicyFault } from './read-policy.js'

/** What Ajv says, in words, each fault once. */
export function plainWords (errors: readonly ErrorObject[], value: unknown): PolicyFault[] {
  const faults = new Map<string, PolicyFault>()
  for (const error of errors) {
    // The alternatives of an app's rule: the fault is that none fits, unless an object is meant.
    if (isAlternative(error) && !(error.schemaPath.includes('/anyOf/1/') && isObject(at(value, error.instancePath)))) continue
    const fault = toFault(error, value)
    if (fault !== undefined) faults.set(`${fault.path} ${fault.message}`, fault)
  }
  return [...faults.values()]
}

const isAlternative = ({ schemaPath }: ErrorObject): boolean => /\/anyOf\/\d/.test(schemaPath)
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function toFault ({ keyword, instancePath, params, message = 'is not valid' }: ErrorObject, value: unknown): PolicyFault | undefined {
  const named = params as Readonly<Record<string, unknown>>
  switch (keyword) {
    case 'additionalProperties': return { path: `${instancePath}/${escapePointer(String(named.additionalProperty))}`, message: 'is not a member that a policy has here' }
    case 'enum': return { path: instancePath, message: `must be one of ${(named.allowedValues as readonly unknown[]).join(', ')}` }
    case 'anyOf': return isObject(at(value, instancePath)) ? undefined : { path: instancePath, message: 'must be an app id, or an object with appId, hash, certificate, name or namePattern' }
    case 'pattern': return { path: instancePath, message: 'is not written as it must be' }
    case 'required': return { path: instancePath, message: `must have ${String(named.missingProperty)}` }
    case 'type': return { path: instancePath, message: `must be ${named.type === 'integer' ? 'a whole number' : named.type === 'array' ? 'a list' : named.type === 'object' ? 'an object' : `a ${String(named.type)}`}` }
    case 'minimum': case 'maximum': return { path: instancePath, message: `must be ${keyword === 'minimum' ? 'at least' : 'at most'} ${String(named.limit)}` }
    default: return { path: instancePath, message }
  }
}

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

function at (value: unknown, pointer: string): unknown {
  return pointer.split('/').slice(1).reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], value)
}
