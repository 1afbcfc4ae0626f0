import { isIP } from 'node:net'
import { UnprocessableError } from '../../errors.js'
import { classInText, plainClaim } from './context.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'

/** Where a hosts file sends what must not be reached. */
const NOWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '127.0.0.1', '::', '::1', '0:0:0:0:0:0:0:0', '0:0:0:0:0:0:0:1'])
/** Names that every hosts file has. */
const OWN_NAMES = /^(?:localhost|localhost\.localdomain|local|broadcasthost|ip6-\w+|0\.0\.0\.0|[\w-]+)$/i
/** `||evil.example^`, as blockers of advertising write a host; what has more than options of its own is a rule about pages. */
const ADBLOCK = /^\|\|([^\s^/*$|]+)\^(?:\$(?:important|all|document|doc|third-party|3p|popup)(?:,(?:important|all|document|doc|third-party|3p|popup))*)?$/
const DNSMASQ = /^(?:address|server|local)=\/([^\s/]+)\/(\S*)$/
const ADBLOCK_HEAD = /^\[Adblock/i
const TITLE = /^[#!;]\s*(?:title|name)\s*:\s*(.{1,120})$/i
const UPDATED = /^[#!;]\s*(?:last modified|last updated?|updated|date|generated)\s*:\s*(.{6,60})$/i
const HEAD_LINES = 50
const MAX_LINE = 10_000

type Line = { readonly hosts: readonly string[] } | 'comment' | undefined

/** A list of hosts that a resolver shall not answer: hosts file, dnsmasq, or a blocker's list of hosts. */
export function readHosts (text: string): ParsedFeed {
  const feed = new FeedCollector()
  const lines = text.split(/\r\n|\n|\r/)
  const head = lines.slice(0, HEAD_LINES).filter((line) => line.length <= MAX_LINE)
  const title = head.map((line) => TITLE.exec(line)?.[1]).find((found) => found !== undefined)?.trim()
  const threatClass = classInText(head.filter((line) => /^[#!;]/.test(line)).join('\n')) ?? 'unknown'
  const updated = head.map((line) => Date.parse(UPDATED.exec(line)?.[1] ?? '')).find((ms) => !Number.isNaN(ms))
  if (updated !== undefined) feed.publishedAt(new Date(updated).toISOString())
  let found = false
  for (const line of lines) {
    const read = readLine(line)
    if (read === undefined) feed.skip('not a line of a hosts file', line)
    else if (read !== 'comment') {
      for (const host of read.hosts) {
        if (OWN_NAMES.test(host)) continue
        found = true
        feed.addValue('domain', host, plainClaim('domain', threatClass, title ?? 'unknown'), 'host')
      }
    }
  }
  if (!found) throw new UnprocessableError('The file has no line of a hosts file; nothing was changed.')
  return feed.finish()
}

/** Whether nearly all lines are such. */
export function isHosts (text: string): boolean {
  let lines = 0
  let good = 0
  for (const line of text.slice(0, 200_000).split(/\r\n|\n|\r/)) {
    const read = readLine(line)
    if (read === 'comment') continue
    lines++
    if (read !== undefined) good++
  }
  return good > 0 && good >= lines * 0.9
}

function readLine (line: string): Line {
  if (line.length > MAX_LINE) return undefined
  const bare = line.trim()
  if (bare === '' || /^[#!;]/.test(bare) || ADBLOCK_HEAD.test(bare)) return 'comment'
  const [, blocked] = ADBLOCK.exec(bare) ?? []
  if (blocked !== undefined) return { hosts: [blocked] }
  const [, routed, to = ''] = DNSMASQ.exec(bare) ?? []
  if (routed !== undefined) return to === '' || to === '#' || NOWHERE.has(to) ? { hosts: [routed] } : undefined
  const [address = '', ...names] = bare.split('#', 1)[0]!.trimEnd().split(/\s+/)
  if (isIP(address) === 0 || names.length === 0) return undefined
  // A name with an address of its own is somebody's machine.
  return NOWHERE.has(address) ? { hosts: names } : undefined
}
