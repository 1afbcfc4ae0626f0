import * as namedErrors from '../errors.js'

/** An error as it crosses the border to a thread or process: classes and most properties do not. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: unknown
  readonly faults?: readonly namedErrors.FieldFault[]
  /** Of an AggregateError. */
  readonly errors?: readonly SentError[]
}

export function describeError (error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, code: undefined }
  const { code } = error as NodeJS.ErrnoException
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    ...(error instanceof namedErrors.InvalidInputError ? { faults: error.faults } : {}),
    ...(error instanceof AggregateError ? { errors: error.errors.map(describeError) } : {})
  }
}

type NamedError = new (...args: unknown[]) => Error & { code: string }
/** @fastify/error's constructors by their code. */
const NAMED: ReadonlyMap<string, NamedError> = new Map(Object.values(namedErrors)
  .filter((one): one is typeof one & NamedError => typeof one === 'function' && one !== namedErrors.InvalidInputError as unknown)
  .map((constructor) => [(new constructor('') as { code: string }).code, constructor as NamedError]))

export function reviveError (sent: SentError): Error {
  const error = emptyErrorOf(sent)
  error.message = sent.message
  if (sent.stack !== undefined) error.stack = sent.stack
  return error
}

function emptyErrorOf ({ name, code, faults, errors }: SentError): Error {
  if (faults !== undefined) return new namedErrors.InvalidInputError(faults)
  if (errors !== undefined) return Object.assign(new AggregateError(errors.map(reviveError)), code === undefined ? {} : { code })
  const Named = typeof code === 'string' ? NAMED.get(code) : undefined
  if (Named !== undefined) return new Named('')
  const error = new Error()
  // Not enumerable, as it is of other errors.
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return code === undefined ? error : Object.assign(error, { code })
}
