const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host has no address',
  EAI_AGAIN: 'the host\'s address cannot be asked for now',
  ECONNREFUSED: 'the host refuses connections',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host\'s network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  UND_ERR_HEADERS_OVERFLOW: 'the answer\'s headers are too long',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection broke',
  Z_DATA_ERROR: 'the answer is not what its Content-Encoding says',
  Z_BUF_ERROR: 'the answer breaks off'
}

/** How long a request may take, in parts. */
export interface RequestLimits {
  readonly connectMs: number
  readonly headersMs: number
  readonly idleMs: number
}

/** Why a request failed, in words for operators. */
export function describeFailure (error: unknown, limits: RequestLimits): string {
  const { code, message, cause, name: type } = error as { code?: unknown, message?: unknown, cause?: { code?: unknown }, name?: unknown }
  const name = String(code ?? cause?.code ?? '')
  if (name === 'address-refused') return String(message)
  if (name === 'UND_ERR_CONNECT_TIMEOUT') return `there was no connection within ${limits.connectMs / 1000} s`
  if (name === 'UND_ERR_HEADERS_TIMEOUT') return `there was no answer within ${limits.headersMs / 1000} s`
  if (name === 'UND_ERR_BODY_TIMEOUT') return `nothing more came for ${limits.idleMs / 1000} s`
  if (type === 'HTTPParserError') return 'the answer is not HTTP'
  return REASONS[name] ?? `${String(message).slice(0, 200)}${name === '' || String(message).includes(name) ? '' : ` (${name})`}`
}
