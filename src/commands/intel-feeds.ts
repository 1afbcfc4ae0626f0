import type { Feed } from '../intel/feed-repository.js'
import { describeError, type IntelAccess, withIntel } from './open-intel.js'
import { say } from './say.js'

interface Options { dataDir?: string, json?: boolean }

/** `sallyport intel list`: what every feed is and holds. */
export async function runListIntel (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  await withIntel(env, options.dataDir, async (intel) => {
    const feeds = await intel.list()
    say(options.json === true ? JSON.stringify(feeds) + '\n' : feeds.map(describeFeed).join('') || 'there is no feed\n')
  })
}

/** `sallyport intel remove FEED`: takes it and all it said away. @throws when there is none */
export async function runRemoveIntel (feed: string, options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  await withIntel(env, options.dataDir, async (intel) => {
    await intel.remove(feed).catch((error: unknown) => { throw new Error(`${feed}: ${describeError(error)}`) })
    say(options.json === true ? JSON.stringify({ feed, removed: true }) + '\n' : `${feed} was removed\n`)
  })
}

/** `sallyport intel show VALUE`: what each feed says about it, however it is spelt. */
export async function runShowIntel (value: string, options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  await withIntel(env, options.dataDir, async (intel) => {
    const claims = await intel.show(value).catch((error: unknown) => { throw new Error(describeError(error)) })
    say(options.json === true ? JSON.stringify(claims) + '\n' : claims.map(describeClaim).join('') || `no feed says anything about ${value}\n`)
  })
}

function describeFeed ({ name, format, version, entries, byType, skipped, ageSeconds, publishedAt, publisherVersion, bundled }: Feed): string {
  const types = Object.entries(byType).filter(([, count]) => count > 0).map(([type, count]) => `${count} ${type}`).join(', ')
  const left = skipped.reduce((sum, { count }) => sum + count, 0)
  const published = [publisherVersion, publishedAt].filter((text) => text !== null).join(', ')
  return [
    `${name} (${format}${bundled ? ', bundled' : ''}): version ${version}, imported ${describeAge(ageSeconds)} ago${published === '' ? '' : `, published ${published}`}`,
    `  ${entries} entries${types === '' ? '' : `: ${types}`}${left === 0 ? '' : `; ${left} skipped`}`
  ].join('\n') + '\n'
}

function describeClaim (claim: Awaited<ReturnType<IntelAccess['show']>>[number]): string {
  const { feed, type, value, role, threatClass, family, confidence, port, validFrom, validUntil, references = [], sinceVersion, feedVersion, publisherVersion, importedAt } = claim
  const more = [
    confidence === undefined ? '' : `confidence ${confidence}`,
    port === undefined ? '' : `port ${port}`,
    validFrom === undefined ? '' : `valid from ${validFrom}`,
    validUntil === undefined ? '' : `valid until ${validUntil}`
  ].filter((text) => text !== '')
  return [
    `${feed}: ${type} ${value} is ${role} of ${family} (${threatClass})`,
    ...(more.length === 0 ? [] : [`  ${more.join(', ')}`]),
    `  since version ${sinceVersion} of the feed, now ${feedVersion}${publisherVersion === null ? '' : ` (${publisherVersion})`}, imported ${importedAt}`,
    ...references.map((reference) => `  see ${reference}`)
  ].join('\n') + '\n'
}

function describeAge (seconds: number): string {
  const [unit, length] = ([['days', 86_400], ['hours', 3_600], ['minutes', 60]] as const).find(([, length]) => seconds >= 2 * length) ?? ['seconds', 1]
  return `${Math.floor(seconds / length)} ${unit}`
}
