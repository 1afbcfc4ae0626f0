/** Where a Redis or Valkey is, and who we are there; what `REDIS_URL` says. */
export interface RedisAddress {
  /** One server; a master that Sentinels name; or a cluster that its nodes describe. */
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** Of the server, of the Sentinels, or of some nodes of the cluster. */
  readonly hosts: ReadonlyArray<{ readonly host: string, readonly port: number }>
  readonly tls: boolean
  /** PEM file with an authority to trust, beside those that Node knows. */
  readonly caFile?: string
  readonly username?: string
  readonly password?: string
  readonly database: number
  /** What the Sentinels call the master. */
  readonly masterName?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
}

const SCHEMES: Readonly<Record<string, Pick<RedisAddress, 'kind' | 'tls'>>> = {
  redis: { kind: 'single', tls: false },
  rediss: { kind: 'single', tls: true },
  'redis+sentinel': { kind: 'sentinel', tls: false },
  'rediss+sentinel': { kind: 'sentinel', tls: true },
  'redis+cluster': { kind: 'cluster', tls: false },
  'rediss+cluster': { kind: 'cluster', tls: true }
}

const DEFAULT_PORT: Readonly<Record<RedisAddress['kind'], number>> = { single: 6379, sentinel: 26_379, cluster: 6379 }
const SENTINEL_PARAMETERS = ['sentinelUsername', 'sentinelPassword'] as const

/** Not what a WHATWG URL may be: that knows one host only. */
const PARTS = /^(?<scheme>[a-z+]+):\/\/(?:(?<credentials>[^@]*)@)?(?<hosts>[^/?#]*)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/
const ESCAPES = 'in a password, @ / ? # : are written %40 %2F %3F %23 %3A'
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/

/**
 * Reads an address such as `redis+sentinel://:secret@s1,s2:26380/name/0`. Every fault is named, and
 * none repeats what it found: where a password was not escaped, anything may be a piece of it.
 */
export function readRedisUrl (text: string): { readonly address: RedisAddress, readonly faults: readonly string[] } {
  const faults: string[] = []
  const parts = PARTS.exec(text)?.groups
  const scheme = SCHEMES[parts?.scheme ?? '']
  if (parts === undefined || scheme === undefined) {
    return { address: { kind: 'single', tls: false, hosts: [], database: 0 }, faults: [`must begin with one of ${Object.keys(SCHEMES).join('://, ')}://, then [user:password@]host[:port]; ${ESCAPES}`] }
  }
  const { kind, tls } = scheme
  const decode = (value: string, what: string): string => {
    try {
      return decodeURIComponent(value)
    } catch {
      faults.push(`${what} has a % that is not followed by two hexadecimal digits; % itself is written %25`)
      return value
    }
  }

  const hosts = (parts.hosts ?? '').split(',').flatMap((one, at) => {
    const found = HOST.exec(one)?.groups
    if (found === undefined) {
      faults.push(one === '' ? `host ${at + 1} is empty` : `host ${at + 1} is neither host nor host:port; ${ESCAPES}`)
      return []
    }
    const port = found.port === undefined ? DEFAULT_PORT[kind] : Number(found.port)
    if (port < 1 || port > 65_535) faults.push(`host ${at + 1}: ports go from 1 to 65535`)
    return [{ host: found.v6 ?? found.name!, port }]
  })
  if (kind === 'single' && hosts.length > 1) faults.push('names several hosts: those of Sentinels follow redis+sentinel://, those of a cluster redis+cluster://')

  const [user = '', ...password] = (parts.credentials ?? '').split(':')
  const path = (parts.path ?? '').split('/').filter((one) => one !== '')
  const masterName = kind === 'sentinel' ? path.shift() : undefined
  if (kind === 'sentinel' && masterName === undefined) faults.push('must name the master as its Sentinels do: redis+sentinel://host/name')
  const database = path.shift()
  if (kind === 'cluster' && database !== undefined && database !== '0') faults.push('a cluster has database 0 only')
  else if (database !== undefined && !/^\d{1,5}$/.test(database)) faults.push('the database must be a number')
  if (path.length > 0) faults.push(`has too many parts after the host${kind === 'sentinel' ? ': /name/database is all' : ''}`)

  const query = readQuery(parts.query ?? '', decode, faults)
  if (kind !== 'sentinel') for (const name of SENTINEL_PARAMETERS) if (query[name] !== undefined) faults.push(`${name} is of use with Sentinels only`)
  if (query.caFile !== undefined && !tls) faults.push(`caFile is of use with TLS only: ${parts.scheme!.replace('redis', 'rediss')}://`)

  return {
    address: {
      kind,
      tls,
      hosts,
      ...(user === '' ? {} : { username: decode(user, 'the user') }),
      ...(password.length === 0 ? {} : { password: decode(password.join(':'), 'the password') }),
      database: Number(database ?? 0),
      ...(masterName === undefined ? {} : { masterName: decode(masterName, 'the name of the master') }),
      ...query
    },
    faults
  }
}

function readQuery (text: string, decode: (value: string, what: string) => string, faults: string[]): Partial<Record<'caFile' | 'sentinelUsername' | 'sentinelPassword', string>> {
  const known = ['caFile', ...SENTINEL_PARAMETERS]
  const found: Record<string, string> = {}
  for (const pair of text.split('&').filter((one) => one !== '')) {
    const [name = '', ...value] = pair.split('=')
    if (known.includes(name)) found[name] = decode(value.join('='), name)
    else faults.push(`has a parameter that does not exist; there are ${known.join(', ')}`)
  }
  return found
}
