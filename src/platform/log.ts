import { destination as openDestination, pino, type DestinationStream, type Logger } from 'pino'
import { traceFields } from './trace-around.js'

const CENSOR = '[secret]'

/** Ends of the names of secrets, in any case: `client_secret`, `operatorToken`, `DATABASE_URL`. */
const SECRET_NAMES = ['authorization', 'token', 'assertion', 'secret', 'password', 'cookie', 'api_?key', 'private_?key', 'secrets_?key', 'code_?verifier', 'database_?(?:pooler_?)?url', 'redis_?url', 'connection_?string'].join('|')

/** Where secrets stand in a line of JSON, and what is left of them. */
const SECRETS: ReadonlyArray<readonly [RegExp, string]> = [
  [new RegExp(`("[\\w-]*(?:${SECRET_NAMES})":)"(?:[^"\\\\]|\\\\.)*"`, 'gi'), `$1"${CENSOR}"`],
  // In texts: forms and settings, headers, addresses with a password.
  [new RegExp(`\\b(\\w*(?:${SECRET_NAMES})=)[^&\\s"\\\\]+`, 'gi'), `$1${CENSOR}`],
  [/\b((?:Bearer|Basic) )[\w.~+/=-]+/gi, `$1${CENSOR}`],
  [/(:\/\/[^\s"\\/@:]*:)[^\s"\\/@]+@/g, `$1${CENSOR}@`],
  // Our own, which have beginnings of their own; signed tokens and keys, whoever's.
  [/\b((?:sp|set|whsec)_)[\w+/=-]{20,}/g, `$1${CENSOR}`],
  // From where such a word begins, not from within it: what is `-eyJ` a thousand times would be read to its end as often.
  [/(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*/g, CENSOR],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?="))/g, CENSOR]
]

/** A text without the secrets that stand in it, by their names or by how they look. */
export const blotOut = (line: string): string => SECRETS.reduce((text, [secret, instead]) => text.replace(secret, instead), line)

const MAX_CAUSES = 5

/** What helps about an error. Database errors carry their whole connection, which helps nobody. */
function plainError (error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const { code, detail } = error as { code?: unknown, detail?: unknown }
  return { type: name, message, code, detail, stack, ...(cause === undefined || depth === MAX_CAUSES ? {} : { cause: plainError(cause, depth + 1) }) }
}

/** JSON lines on standard error; secrets are blotted out, by their names and by how they look. What is written within a trace names it. */
export function createLogger (options: { readonly level: string, readonly destination?: DestinationStream }): Logger {
  return pino({
    level: options.level,
    hooks: { streamWrite: blotOut },
    mixin: traceFields,
    serializers: { err: (error: unknown) => plainError(error) },
    timestamp: pino.stdTimeFunctions.isoTime
  }, options.destination ?? openDestination({ fd: 2, sync: false }))
}
