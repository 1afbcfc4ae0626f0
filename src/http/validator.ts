import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { countValues } from './count-values.js'

const OPTIONS = { removeAdditional: false, strict: false } as const

/** They remember what they compiled: several servers of one process share it. */
let compilers: Readonly<Record<'firstFault' | 'allFaults' | 'reading', Ajv>> | undefined

const makeCompilers = (): NonNullable<typeof compilers> => ({
  firstFault: withFormats(new Ajv({ ...OPTIONS, allErrors: false })),
  allFaults: withFormats(new Ajv({ ...OPTIONS, allErrors: true })),
  reading: withFormats(new Ajv({ ...OPTIONS, allErrors: true, coerceTypes: true, useDefaults: true }))
})

/** What phones ask must not wait for a schema. */
const FOR_AGENTS = /^\/v1\/(?:telemetry|token|enroll|device)\b/

/** Faulty bodies with more values than this are told their first fault only. */
const MAX_VALUES_TO_LIST_FAULTS = 100_000

// The formats' own takes `urn:uuid:…` as well, which PostgreSQL does not.
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Checks bodies as they are: a "1" is not a 1, and unknown keys are kept. What stands in an
 * address is text, so there numbers are read from text.
 */
export function createValidatorCompiler (): FastifySchemaCompiler<TSchema> {
  const { firstFault, allFaults, reading } = compilers ??= makeCompilers()
  return ({ schema, httpPart, url }) => {
    const compile = (): Validate => httpPart === 'querystring' || httpPart === 'params'
      ? reading.compile(schema) as Validate
      : listingFaults(firstFault.compile(schema), () => allFaults.compile(schema))
    return (url !== undefined && FOR_AGENTS.test(url) ? compile() : whenAsked(compile)) as never
  }
}

/** To compile all schemas takes half a second, which a start does not have; most routes are rarely asked. */
function whenAsked (compile: () => Validate): Validate {
  let compiled: Validate | undefined
  const validate: Validate = (data) => {
    compiled ??= compile()
    const isValid = compiled(data)
    validate.errors = compiled.errors
    return isValid
  }
  return validate
}

interface Validate {
  (data: unknown): boolean
  errors?: ValidateFunction['errors']
}

/**
 * A validator that lists every fault costs up to one object a value, also beyond the list's
 * own limit: a small compressed body of millions of wrong items would take gigabytes. So the
 * first fault ends the check, and only a body of bearable size is then looked through.
 */
function listingFaults (firstFault: ValidateFunction, compileAllFaults: () => ValidateFunction): Validate {
  let allFaults: ValidateFunction | undefined
  const validate: Validate = (data) => {
    if (firstFault(data)) {
      validate.errors = null
      return true
    }
    validate.errors = firstFault.errors
    if (countValues(data, MAX_VALUES_TO_LIST_FAULTS) < MAX_VALUES_TO_LIST_FAULTS) {
      allFaults ??= compileAllFaults()
      allFaults(data)
      validate.errors = allFaults.errors
    }
    return false
  }
  return validate
}

function withFormats (ajv: Ajv): Ajv {
  return addFormats.default(ajv).addFormat('uuid', UUID)
}
