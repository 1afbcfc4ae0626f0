import { STATUS_CODES } from 'node:http'
import type { FastifyError } from 'fastify'
import { Type, type Static } from 'typebox'
import { InvalidInputError, type FieldFault } from '../errors.js'
import { IntuneError } from '../intune/intune-error.js'
import { isDatabaseAway, isWorthRetrying } from '../platform/database-errors.js'

/** RFC 9457, with a stable code and, for faulty input, everything that is wrong with it. */
export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  instance: Type.String(),
  code: Type.String({ description: 'Kebab-case, stable.' }),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String({ description: 'JSON pointer (RFC 6901).' }), message: Type.String() })))
}, { title: 'Problem' })
export type Problem = Static<typeof ProblemSchema>

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** What an agent or a script waits before it comes again after a 503, in seconds. */
export const RETRY_AFTER_SECONDS = 2

// A body can have millions of faults; more than this many help nobody.
const MAX_FAULTS = 100

/** Fastify's own codes in our words; everything else keeps the code of errors.ts. */
export const FRAMEWORK_CODES: Readonly<Record<string, { readonly status: number, readonly code: string, readonly detail: string }>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, code: 'malformed-json', detail: 'The body is not valid JSON.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, code: 'malformed-json', detail: 'The body is empty.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: 'content-length-mismatch', detail: 'The body is not as long as the request said.' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 414, code: 'address-too-long', detail: 'A part of the address is too long.' },
  FST_ERR_BAD_URL: { status: 400, code: 'malformed-address', detail: 'The address is not valid.' },
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'body-too-large', detail: 'The body is larger than this route takes.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, code: 'unsupported-media-type', detail: 'This route does not take a body of this type.' }
}

/** Codes that stand for no class of errors.ts. */
export const VALIDATION_CODE = 'validation'
export const INTERNAL_CODE = 'internal'

type AnyError = Partial<FastifyError> & { readonly message: string }

/** Any error as what the caller is told. A 5xx tells no internals. */
export function toProblem (error: AnyError, instance: string): Problem {
  if (error instanceof InvalidInputError) return problem(error.statusCode, error.code, error.message, instance, error.faults)
  if (error.validation !== undefined) {
    return problem(400, VALIDATION_CODE, 'The request has faults.', instance, error.validation.map(({ instancePath, message, params }) => toFault(error.validationContext, instancePath, message, params)))
  }
  // Its message is meant for administrators: what Microsoft did not do, and why.
  if (error instanceof IntuneError) return problem(error.statusCode, error.code, error.message, instance)
  if (isDatabaseAway(error) || isWorthRetrying(error)) return problem(503, 'database-unavailable', 'The database is away; nothing was stored.', instance)

  const known = FRAMEWORK_CODES[error.code ?? '']
  if (known !== undefined) return problem(known.status, known.code, known.detail, instance)
  const status = error.statusCode ?? 500
  const ours = ourCode(error)
  if (ours !== undefined) return problem(status, ours, error.message, instance)
  if (status >= 500) return problem(status, INTERNAL_CODE, 'Something went wrong on our side.', instance)
  return problem(status, fallbackCode(status), error.message, instance)
}

/** The code of an error of errors.ts; @fastify/error keeps codes in capitals. */
function ourCode (error: AnyError): string | undefined {
  return error.name === 'FastifyError' && error.code !== undefined && /^[A-Z][A-Z-]+$/.test(error.code) ? error.code.toLowerCase() : undefined
}

function fallbackCode (status: number): string {
  return (STATUS_CODES[status] ?? 'error').toLowerCase().replace(/[^a-z]+/g, '-')
}

/** A problem in the form that callers get. */
export function problem (status: number, code: string, detail: string, instance: string, faults?: readonly FieldFault[]): Problem {
  return {
    type: `urn:sallyport:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance,
    code,
    ...(faults === undefined ? {} : { errors: faults.slice(0, MAX_FAULTS).map(({ path, message }) => ({ path, message })) })
  }
}

function toFault (context: string | undefined, path: string, message = 'is not valid', params: Readonly<Record<string, unknown>> = {}): FieldFault {
  // Where a key is missing the validator names its parent; the caller looks for the key.
  const missing = typeof params.missingProperty === 'string' ? `/${params.missingProperty.replaceAll('~', '~0').replaceAll('/', '~1')}` : ''
  const where = context === undefined || context === 'body' ? '' : `/${context}`
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
  return { path: where + path + missing, message: missing === '' ? message + allowed : 'is required' }
}
