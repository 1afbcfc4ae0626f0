import { isIP } from 'node:net'
import { UnprocessableError } from '../../errors.js'
import type { IndicatorType, ThreatClass } from '../indicators/indicator.js'
import { classInText, plainClaim } from './context.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'

const RULE = /^\s*(#\s*)?(?:alert|drop|reject|block)\s+([\w-]+)\s+(\S+|\[[^\]]*\])\s+(\S+|\[[^\]]*\])\s+(?:->|<>)\s+(\S+|\[[^\]]*\])\s+(\S+|\[[^\]]*\])\s+\((.*)\)\s*$/
/** Buffers that hold a whole name, in the spellings of Suricata 4 and later, and of Snort. */
const HOST_BUFFERS: ReadonlySet<string> = new Set(['dns.query', 'dns_query', 'tls.sni', 'tls_sni', 'http.host', 'http_host', 'http.host.raw', 'http_raw_host'])
const URI_BUFFERS: ReadonlySet<string> = new Set(['http.uri', 'http_uri', 'http.uri.raw', 'http_raw_uri'])
const FINGERPRINT_BUFFERS: ReadonlySet<string> = new Set(['ja3.hash', 'ja3_hash', 'ja3s.hash', 'ja4.hash', 'tls.cert_fingerprint', 'tls.fingerprint'])
const MAX_LINE = 20_000
/** What rule sets write before the name of what they mean, and behind it. */
const RULE_SET = /^(?:(?:ET|ETPRO|PTS?|GPL|PRO|OPEN|\[[\w -]+\]|MALWARE|MOBILE_MALWARE|TROJAN|BACKDOOR|STALKERWARE|SPYWARE|CNC|PHISHING|CURRENT_EVENTS|ADWARE_PUP|ATTACK|EXPLOIT_KIT|HUNTING|INFO|POLICY|DNS)(?:\s+|$))+/
const OBSERVED = /^(?:(?:possible|suspected|suspicious|likely|observed)\s+)*(?:dns (?:query|request|lookup) (?:to|for)\s+)?(?:(?:known|malicious)\s+)?/i
const TRAFFIC = /(?<!\s)\s+(?:(?:related|cnc|c2|c&c|command (?:and|&) control|domains?|hosts?|ip|ssl|tls|dns|http|connection|check-?in|beacon|activity|requests?|response|traffic|payload|landing|download|server|certificate)\b|\(|[-–] ).*$/is

interface Content {
  readonly buffer: string
  readonly text: string
  readonly isNegated: boolean
  readonly isWhole: boolean
}

/** Rules of Suricata and Snort, as far as they hold names and addresses of servers. */
export function readSuricata (text: string): ParsedFeed {
  const feed = new FeedCollector()
  let rules = 0
  for (const line of joinLines(text)) {
    const match = line.length > MAX_LINE ? null : RULE.exec(line)
    if (match === null) {
      if (line.length > MAX_LINE) feed.skip(`a line of more than ${MAX_LINE} characters`, line)
      else if (line.trim() !== '' && !line.trimStart().startsWith('#')) feed.skip('not a rule', line)
      continue
    }
    rules++
    const [, disabled, , , , destination = '', , body = ''] = match
    const options = splitOptions(body)
    const said = (name: string): string => options.find((option) => option.name === name)?.value.replace(/^"|"$/g, '') ?? ''
    if (disabled !== undefined) feed.skip('a rule that is switched off', said('msg') || line)
    else addRule(feed, options, destination, said('msg'))
  }
  if (rules === 0) throw new UnprocessableError('The file has no rule; nothing was changed.')
  return feed.finish()
}

/** Whether nearly all lines are rules or comments. */
export function isSuricata (text: string): boolean {
  const lines = joinLines(text.slice(0, 200_000)).filter((line) => line.trim() !== '')
  const rules = lines.filter((line) => line.length <= MAX_LINE && RULE.test(line)).length
  return rules > 0 && rules >= lines.filter((line) => !line.trimStart().startsWith('#')).length * 0.9
}

/** A rule may go on in the next line after a backslash. */
const joinLines = (text: string): string[] => text.replace(/\\\r?\n/g, ' ').split(/\r\n|\n|\r/)

interface Option { readonly name: string, readonly value: string }

/** Options end with a semicolon that is neither quoted nor escaped. */
function splitOptions (body: string): Option[] {
  const options: Option[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < body.length; at++) {
    const char = body[at]
    if (char === '\\') at++
    else if (char === '"') quoted = !quoted
    else if (char === ';' && !quoted) {
      const one = body.slice(start, at).trim()
      const colon = one.indexOf(':')
      options.push(colon === -1 ? { name: one, value: '' } : { name: one.slice(0, colon).trim(), value: one.slice(colon + 1).trim() })
      start = at + 1
    }
  }
  return options
}

function addRule (feed: FeedCollector, options: readonly Option[], destination: string, msg: string): void {
  const threatClass: ThreatClass = classInText(`${msg}\n${valueOf(options, 'classtype')}`) ?? 'malware'
  const family = /\bmalware_family\s+([\w.-]+)/.exec(valueOf(options, 'metadata'))?.[1]?.replaceAll('_', ' ') ?? familyOf(msg)
  const references = options.filter(({ name, value }) => name === 'reference' && value.startsWith('url,')).map(({ value }) => `https://${value.slice(4).trim().replace(/^https?:\/\//, '')}`).slice(0, 5)
  const add = (type: IndicatorType, value: string, where: string): void => {
    feed.addValue(type, value, plainClaim(type, threatClass, family, references.length === 0 ? {} : { references }), where)
  }

  const contents = contentsOf(options)
  const host = contents.find(({ buffer, isNegated }) => HOST_BUFFERS.has(buffer) && !isNegated) ?? contents.flatMap(asQuestion)[0]
  const uri = contents.find(({ buffer, isNegated }) => URI_BUFFERS.has(buffer) && !isNegated)
  const addresses = addressesOf(destination)
  if (host !== undefined && uri !== undefined && uri.text.startsWith('/')) add('url', `http://${host.text.replace(/^\./, '')}${uri.text}`, `${host.buffer} and ${uri.buffer}`)
  else if (host !== undefined) add('domain', host.text.replace(/^\./, ''), host.buffer)
  for (const address of addresses) add(address.includes('/') ? 'cidr' : isIP(address) === 6 ? 'ipv6' : 'ipv4', address, 'destination')
  if (host === undefined && addresses.length === 0) {
    feed.skip(contents.some(({ buffer }) => FINGERPRINT_BUFFERS.has(buffer)) || options.some(({ name }) => FINGERPRINT_BUFFERS.has(name))
      ? 'a fingerprint of traffic, which no phone reports'
      : 'no name and no address of a server', msg)
  }
}

/** `ET MOBILE_MALWARE Android/FluBot CnC Domain in DNS Lookup` is about Android/FluBot. */
function familyOf (msg: string): string {
  const named = msg.replace(RULE_SET, '').replace(OBSERVED, '').replace(TRAFFIC, '').trim()
  return /[\p{L}\d]/u.test(named) ? named : msg || 'unknown'
}

/** A name as DNS writes it, by the lengths of its labels: rules of Snort look for it in the packet. */
function asQuestion (content: Content): Content[] {
  const { text, buffer, isNegated } = content
  if (buffer !== '' || isNegated) return []
  const labels: string[] = []
  let at = 0
  while (at < text.length && text.charCodeAt(at) !== 0) {
    const label = text.slice(at + 1, at + 1 + text.charCodeAt(at))
    if (label.length !== text.charCodeAt(at) || !/^[\w-]{1,63}$/.test(label)) return []
    labels.push(label)
    at += label.length + 1
  }
  return labels.length >= 2 ? [{ ...content, text: labels.join('.'), buffer: 'name in a packet' }] : []
}

const valueOf = (options: readonly Option[], name: string): string => options.find((option) => option.name === name)?.value ?? ''

/** Sticky buffers stand before their content, Suricata 3's and Snort's modifiers after it. */
function contentsOf (options: readonly Option[]): Content[] {
  const contents: Content[] = []
  let sticky = ''
  for (const { name, value } of options) {
    if (name === 'content') {
      const isNegated = value.startsWith('!')
      const quoted = value.replace(/^!\s*/, '').replace(/^"|"$/g, '')
      contents.push({ buffer: sticky, text: unescape(quoted), isNegated, isWhole: true })
    } else if (value === '' && (HOST_BUFFERS.has(name) || URI_BUFFERS.has(name) || FINGERPRINT_BUFFERS.has(name))) {
      const last = contents.at(-1)
      // With an underscore it is said of the content before, unless none was there to say it of.
      if (name.includes('_') && last?.buffer === '' && sticky === '') contents.splice(-1, 1, { ...last, buffer: name })
      else sticky = name
    } else if (value === '' && (name === 'pkt_data' || /^[a-z]+\.[a-z_.]+$/.test(name))) sticky = name
  }
  return contents
}

/** `evil|2e|example`: bytes in hex between bars. */
function unescape (text: string): string {
  return text.replace(/\|([0-9a-f ]*)\|/gi, (_, hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1')).replace(/\\(.)/g, '$1')
}

/** Addresses of a destination; variables, negated ones and "any" are none. */
function addressesOf (destination: string): string[] {
  return destination.replace(/^\[|\]$/g, '').split(',').map((one) => one.trim()).filter((one) => isIP(one.split('/')[0]!) !== 0)
}
