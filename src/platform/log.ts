import { destination as openDestination, pino, type DestinationStream, type Logger } from 'pino'

const SECRET_KEYS = ['authorization', 'accessToken', 'access_token', 'assertion', 'client_assertion', 'clientSecret', 'client_secret', 'token', 'secret', 'password', 'operatorToken', 'enrollmentToken']

/** What helps about an error. Database errors carry their whole connection, which helps nobody. */
function plainError (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const { code, detail } = error as { code?: unknown, detail?: unknown }
  return { type: name, message, code, detail, stack, ...(cause === undefined ? {} : { cause: plainError(cause) }) }
}

/** JSON lines on standard error; values under the names of secrets are blotted out. */
export function createLogger (options: { readonly level: string, readonly destination?: DestinationStream }): Logger {
  return pino({
    level: options.level,
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[secret]' },
    serializers: { err: plainError },
    timestamp: pino.stdTimeFunctions.isoTime
  }, options.destination ?? openDestination({ fd: 2, sync: false }))
}
