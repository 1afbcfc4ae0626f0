import { randomUUID } from 'node:crypto'

/** An error of the token endpoint: OAuth's word, Entra's AADSTS number and its text. */
export class EntraError extends Error {
  readonly statusCode: number
  readonly error: string
  readonly aadsts: number

  constructor (statusCode: number, error: string, aadsts: number, text: string) {
    super(text)
    this.statusCode = statusCode
    this.error = error
    this.aadsts = aadsts
  }
}

/** The body Entra answers with; MSAL reads `error`, `error_codes` and `suberror` from it. */
export function entraErrorBody (error: EntraError, correlationId: string | undefined): Record<string, unknown> {
  const timestamp = new Date().toISOString().replace('T', ' ').replace(/\.\d+Z$/, 'Z')
  const traceId = randomUUID()
  const correlation = correlationId ?? randomUUID()
  return {
    error: error.error,
    error_description: `AADSTS${error.aadsts}: ${error.message} Trace ID: ${traceId} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
    error_codes: [error.aadsts],
    timestamp,
    trace_id: traceId,
    correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${error.aadsts}`
  }
}
