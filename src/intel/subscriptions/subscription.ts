import { type FieldFault, InvalidInputError } from '../../errors.js'
import { FEED_FORMATS } from '../feeds/format-names.js'
import { FEED_NAME_PATTERN } from '../import-feed.js'
import { THREAT_CLASSES, type ThreatClass } from '../indicators/indicator.js'
import { readMinisignKey } from './verify-file.js'

/** A file; a TAXII 2.1 collection; a folder of MISP events by its manifest. */
export const SUBSCRIPTION_KINDS = ['file', 'taxii', 'misp'] as const
export type SubscriptionKind = (typeof SUBSCRIPTION_KINDS)[number]

export const MIN_EVERY_SECONDS = 5 * 60
export const MAX_EVERY_SECONDS = 30 * 24 * 3600
export const DEFAULT_EVERY_SECONDS = 6 * 3600
/** A feed whose last success is this many intervals ago is stale: it warns. */
export const STALE_INTERVALS = 3

/** What operators say of a subscription. */
export interface SubscriptionInput {
  /** The feed it fills. */
  readonly feed: string
  readonly url: string
  /** Told by the rest where it is not said. */
  readonly kind?: SubscriptionKind | undefined
  readonly format?: string | undefined
  readonly threatClass?: string | undefined
  readonly everySeconds?: number | undefined
  readonly checksumUrl?: string | undefined
  readonly signatureUrl?: string | undefined
  readonly signatureKey?: string | undefined
  readonly taxiiCollection?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  /** Header that carries the token, in place of `Authorization: Bearer`. */
  readonly tokenHeader?: string | undefined
  readonly allowHttp?: boolean | undefined
  readonly allowPrivate?: boolean | undefined
}

export interface SubscriptionDefinition {
  readonly feed: string
  readonly kind: SubscriptionKind
  readonly url: string
  readonly format: string
  readonly threatClass: ThreatClass | null
  readonly everySeconds: number
  readonly checksumUrl: string | null
  readonly signatureUrl: string | null
  readonly signatureKey: string | null
  readonly taxiiCollection: string | null
  readonly allowHttp: boolean
  readonly allowPrivate: boolean
}

/** A header that proves who asks. */
export interface SecretHeader {
  readonly kind: 'basic' | 'bearer' | 'header'
  readonly header: string
  readonly value: string
}

const MAX_URL_LENGTH = 2_048
const MAX_SECRET_LENGTH = 8_192
/** RFC 9110: what a field name is made of. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/
/** Headers with a meaning for the connection or the answer are none that carry a token. */
const TAKEN_HEADERS = /^(host|connection|content-.*|transfer-encoding|accept.*|if-.*|range|te|upgrade|expect|cookie|user-agent|proxy-.*|keep-alive|trailer)$/i
/** Printable ASCII: anything else is no header's value. */
const HEADER_TEXT = /^[\x20-\x7e]+$/

/**
 * What operators said → what is stored, with the secret apart.
 * @throws InvalidInputError naming every fault
 */
export function readSubscription (input: SubscriptionInput): { readonly definition: SubscriptionDefinition, readonly secret: SecretHeader | undefined } {
  const faults: FieldFault[] = []
  const fault = (path: string, message: string): void => { faults.push({ path, message }) }
  const allowHttp = input.allowHttp ?? false

  const readUrl = (field: 'url' | 'checksumUrl' | 'signatureUrl'): string => {
    const text = input[field] ?? ''
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined) fault(`/${field}`, 'must be a URL')
    else if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) fault(`/${field}`, url.protocol === 'http:' ? 'must begin with https://, unless http is allowed' : 'must begin with https://')
    else if (url.username !== '' || url.password !== '') fault(`/${field}`, 'must not hold a name and password: give them apart')
    else if (url.href.length > MAX_URL_LENGTH) fault(`/${field}`, `must not be longer than ${MAX_URL_LENGTH}`)
    if (url !== undefined) url.hash = ''
    return url?.href ?? text
  }

  if (!new RegExp(FEED_NAME_PATTERN).test(input.feed)) fault('/feed', `must match ${FEED_NAME_PATTERN}`)
  const url = readUrl('url')
  const checksumUrl = input.checksumUrl === undefined ? null : readUrl('checksumUrl')
  const signatureUrl = input.signatureUrl === undefined ? null : readUrl('signatureUrl')
  if (input.kind !== undefined && !SUBSCRIPTION_KINDS.includes(input.kind)) fault('/kind', `must be one of ${SUBSCRIPTION_KINDS.join(', ')}`)
  const kind = input.kind ?? kindOf(url, input.taxiiCollection)
  const format = input.format ?? DEFAULT_FORMATS[kind] ?? 'auto'
  if (!FEED_FORMATS.includes(format)) fault('/format', `must be one of ${FEED_FORMATS.join(', ')}`)
  else if (kind !== 'file' && format !== 'auto' && format !== DEFAULT_FORMATS[kind]) fault('/format', `must be ${DEFAULT_FORMATS[kind]} for ${kind}`)
  if (input.threatClass !== undefined && !(THREAT_CLASSES as readonly string[]).includes(input.threatClass)) fault('/class', `must be one of ${THREAT_CLASSES.join(', ')}`)
  const everySeconds = input.everySeconds ?? DEFAULT_EVERY_SECONDS
  if (!Number.isInteger(everySeconds) || everySeconds < MIN_EVERY_SECONDS || everySeconds > MAX_EVERY_SECONDS) {
    fault('/everySeconds', `must be a whole number from ${MIN_EVERY_SECONDS} (5 minutes) to ${MAX_EVERY_SECONDS} (30 days)`)
  }
  if (kind !== 'file') {
    for (const field of ['checksumUrl', 'signatureUrl', 'signatureKey'] as const) if (input[field] !== undefined) fault(`/${field}`, 'is for files only')
  }
  if (kind !== 'taxii' && input.taxiiCollection !== undefined) fault('/taxiiCollection', 'is for TAXII only')
  if (input.taxiiCollection !== undefined && !/^[^\p{Cc}/]{1,200}$/u.test(input.taxiiCollection)) fault('/taxiiCollection', 'must be the id or alias of a collection')
  if ((input.signatureUrl === undefined) !== (input.signatureKey === undefined)) fault(input.signatureUrl === undefined ? '/signatureUrl' : '/signatureKey', 'must be there: a signature needs both its address and the publisher\'s key')
  if (input.signatureKey !== undefined && readMinisignKey(input.signatureKey) === undefined) fault('/signatureKey', 'must be a public key of minisign')
  const secret = readSecret(input, fault)
  if (faults.length > 0) throw new InvalidInputError(faults, 'The subscription')

  return {
    definition: {
      feed: input.feed,
      kind,
      url,
      format,
      threatClass: (input.threatClass ?? null) as ThreatClass | null,
      everySeconds,
      checksumUrl,
      signatureUrl,
      signatureKey: input.signatureKey ?? null,
      taxiiCollection: input.taxiiCollection ?? null,
      allowHttp,
      allowPrivate: input.allowPrivate ?? false
    },
    secret
  }
}

/** In which format a kind's pieces are put together. */
const DEFAULT_FORMATS: Readonly<Partial<Record<SubscriptionKind, string>>> = {
  taxii: 'stix',
  misp: FEED_FORMATS.includes('misp') ? 'misp' : 'auto'
}

function kindOf (url: string, taxiiCollection: string | undefined): SubscriptionKind {
  if (taxiiCollection !== undefined) return 'taxii'
  return URL.canParse(url) && new URL(url).pathname.endsWith('/manifest.json') ? 'misp' : 'file'
}

function readSecret ({ username, password, token, tokenHeader }: SubscriptionInput, fault: (path: string, message: string) => void): SecretHeader | undefined {
  if ((username === undefined) !== (password === undefined)) fault(username === undefined ? '/username' : '/password', 'must be there: name and password belong together')
  if (token !== undefined && password !== undefined) fault('/token', 'must not be there with a password')
  if (tokenHeader !== undefined && token === undefined) fault('/token', 'must be there: a header was named for it')
  if (tokenHeader !== undefined && (!HEADER_NAME.test(tokenHeader) || TAKEN_HEADERS.test(tokenHeader))) fault('/tokenHeader', 'must be the name of a header that can carry a token')
  // Without the value: what is wrong with a secret is not told by showing it.
  for (const [name, text] of Object.entries({ username, password, token })) {
    if (text !== undefined && (text === '' || text.length > MAX_SECRET_LENGTH || /\p{Cc}/u.test(text))) fault(`/${name}`, `must have 1 to ${MAX_SECRET_LENGTH} characters and no control characters`)
  }
  if (username?.includes(':') === true) fault('/username', 'must not hold a colon')
  if (token !== undefined && !HEADER_TEXT.test(token)) fault('/token', 'must be printable ASCII')
  if (token !== undefined) return tokenHeader === undefined ? { kind: 'bearer', header: 'authorization', value: `Bearer ${token}` } : { kind: 'header', header: tokenHeader.toLowerCase(), value: token }
  // RFC 7617: UTF-8 is what everybody means today.
  return password === undefined ? undefined : { kind: 'basic', header: 'authorization', value: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

/** What a subscription's secret is sealed for: another feed or publisher cannot be given it. */
export const secretContext = ({ feed, url }: { readonly feed: string, readonly url: string }): string => `intel subscription ${feed} ${new URL(url).origin}`
