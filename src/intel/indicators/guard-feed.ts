import type { SkippedEntries } from '../feeds/parsed-feed.js'
import type { Indicator } from './indicator.js'
import { type HostGuard, whyGuarded } from './shared-hosts.js'

const MAX_EXAMPLES = 5
const MAX_EXAMPLE_LENGTH = 120

/** What of a parsed feed may count: without the hosts that strangers share, which are among the skipped. */
export function guardFeed<T extends { readonly indicators: readonly Indicator[], readonly skipped: readonly SkippedEntries[] }> (feed: T, guard: HostGuard): T {
  const refused = new Map<string, { count: number, examples: string[] }>()
  const indicators = feed.indicators.filter((indicator) => {
    const why = whyGuarded(guard, indicator)
    if (why === undefined) return true
    const reason = `${indicator.type}: ${why}`
    let entry = refused.get(reason)
    if (entry === undefined) refused.set(reason, entry = { count: 0, examples: [] })
    entry.count++
    if (entry.examples.length < MAX_EXAMPLES) entry.examples.push(indicator.value.slice(0, MAX_EXAMPLE_LENGTH))
    return false
  })
  if (refused.size === 0) return feed
  return { ...feed, indicators, skipped: [...feed.skipped, ...[...refused].map(([reason, { count, examples }]) => ({ reason, count, examples }))] }
}
