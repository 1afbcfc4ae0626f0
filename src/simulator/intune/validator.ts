import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

// Everything strict: what Microsoft would refuse is not silently mended here.
const ajv = addFormats.default(new Ajv({ coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true, discriminator: true, addUsedSchema: false }))

/** By schema: simulators of one process have the same, and to compile them takes longer than all else of a start. */
const compiled = new WeakMap<object, ValidateFunction>()

interface Validate {
  (data: unknown): boolean
  errors?: ValidateFunction['errors']
}

/** Checks requests by schemas that are compiled when one is first asked for; most routes of a simulator never are. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const validate: Validate = (data) => {
    const check = compiled.get(schema) ?? ajv.compile(schema)
    compiled.set(schema, check)
    const isValid = check(data)
    validate.errors = check.errors
    return isValid
  }
  return validate as never
}
