import { createError } from '@fastify/error'

/**
 * Every error that we name. The code is the RFC 9457 `code` member (kebab-case, stable),
 * the status its HTTP status; `title` is what problem+json shows as title.
 */
export const UnauthenticatedError = createError<[string]>('unauthenticated', '%s', 401)
export const InvalidTokenError = createError<[string]>('invalid-token', '%s', 401)
export const ExpiredTokenError = createError('expired-token', 'The token has expired.', 401)
export const DeviceRevokedError = createError('device-revoked', 'This device has been revoked.', 401)
export const ReplayedAssertionError = createError('replayed-assertion', 'This assertion was used before.', 401)
export const InvalidEnrollmentTokenError = createError('invalid-enrollment-token', 'The enrolment token is unknown, expired, used up or revoked.', 401)
export const ForbiddenError = createError<[string]>('forbidden', '%s', 403)
export const NotFoundError = createError<[string]>('not-found', '%s', 404)
export const ConflictError = createError<[string]>('conflict', '%s', 409)
export const PreconditionFailedError = createError<[string]>('precondition-failed', '%s', 412)
export const PreconditionRequiredError = createError<[string]>('precondition-required', '%s', 428)
export const UnsupportedOsError = createError<[string]>('unsupported-os', '%s', 422)
export const InvalidKeyError = createError<[string]>('invalid-key', '%s', 422)
export const UnprocessableError = createError<[string]>('unprocessable', '%s', 422)
export const OverloadedError = createError('overloaded', 'Too much is waiting to be stored; try again shortly.', 503)
export const DatabaseUnavailableError = createError('database-unavailable', 'The database is away; nothing was stored.', 503)
export const QueuesUnavailableError = createError('queues-unavailable', 'The queues are away, so nobody could be asked to do this; try again shortly.', 503)

export interface FieldFault {
  readonly path: string
  readonly message: string
}

/** Input with faults, each named by its path. */
export class InvalidInputError extends Error {
  readonly code = 'validation'
  readonly statusCode = 400

  constructor (readonly faults: readonly FieldFault[], what = 'The request') {
    super(`${what} has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}.`)
  }
}
export const MethodNotAllowedError = createError<[string]>('method-not-allowed', 'This address takes only %s.', 405)
export const BodyTooLargeError = createError<[number]>('body-too-large', 'The body is larger than %s bytes.', 413)
export const MalformedRequestError = createError<[string]>('malformed-request', '%s', 400)
export const HeadersTooLargeError = createError('headers-too-large', 'The headers are too large, or too many.', 431)
export const UnsupportedEncodingError = createError<[string]>('unsupported-encoding', 'This Content-Encoding is not supported: %s', 415)
export const MalformedEncodingError = createError('malformed-encoding', 'The body is not what its Content-Encoding says.', 400)
export const MisdirectedRequestError = createError('misdirected-request', 'This is called by its address or as localhost, not by another name.', 421)
export const TooManyRequestsError = createError<[number]>('too-many-requests', 'Too many requests; come again in %s seconds.', 429)
export const EntraKeysUnavailableError = createError('entra-keys-unavailable', 'Entra\'s signing keys cannot be fetched right now, so no token can be checked.', 503)
export const ProviderKeysUnavailableError = createError('provider-keys-unavailable', 'The signing keys of the sign-in provider cannot be fetched right now, so no token can be checked.', 503)
export const PartnerApiNotConfiguredError = createError('partner-api-not-configured', 'The partner state API is not set up here: PARTNER_API_AUDIENCE is not set.', 404)
export const HistoryExpiredError = createError<[string]>('history-expired', '%s', 410)
export const CursorExpiredError = createError<[string]>('cursor-expired', '%s', 410)
