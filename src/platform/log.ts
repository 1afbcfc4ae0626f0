import { destination as openDestination, pino, type DestinationStream, type Logger } from 'pino'

const SECRET_KEYS = ['authorization', 'accessToken', 'access_token', 'assertion', 'client_assertion', 'clientSecret', 'client_secret', 'token', 'secret', 'password', 'operatorToken', 'enrollmentToken']

/** JSON lines on standard error; values under the names of secrets are blotted out. */
export function createLogger (options: { readonly level: string, readonly destination?: DestinationStream }): Logger {
  return pino({
    level: options.level,
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[secret]' },
    timestamp: pino.stdTimeFunctions.isoTime
  }, options.destination ?? openDestination({ fd: 2, sync: false }))
}
