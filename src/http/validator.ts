import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

// All faults at once; the limits on bodies and lists bound the work.
const OPTIONS = { allErrors: true, removeAdditional: false, useDefaults: true, strict: false } as const

/**
 * Checks bodies as they are: a "1" is not a 1, and unknown keys are kept. What stands in an
 * address is text, so there numbers are read from text.
 */
export function createValidatorCompiler (): FastifySchemaCompiler<TSchema> {
  const exact = addFormats.default(new Ajv({ ...OPTIONS, coerceTypes: false, useDefaults: false }))
  const reading = addFormats.default(new Ajv({ ...OPTIONS, coerceTypes: true }))
  return ({ schema, httpPart }) => (httpPart === 'querystring' || httpPart === 'params' ? reading : exact).compile(schema) as never
}
