import type { SubscriptionView } from '../intel/subscriptions/manage-subscriptions.js'

const UNITS: ReadonlyArray<readonly [string, number]> = [['d', 86_400], ['h', 3_600], ['m', 60], ['s', 1]]

/** `6h`, `1d12h`, `90m` → seconds. @throws Error */
export function readInterval (text: string): number {
  const parts = [...text.matchAll(/(\d{1,9})([dhms])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) throw new Error('--every must be a time such as 30m, 6h or 1d')
  return parts.reduce((seconds, [, number, unit]) => seconds + Number(number) * UNITS.find(([name]) => name === unit)![1], 0)
}

/** Seconds → `6 h`, `2 d 3 h`: two units at most. */
export function describeSeconds (seconds: number): string {
  let rest = Math.round(seconds)
  const parts: string[] = []
  for (const [name, size] of UNITS) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)} ${name === 'm' ? 'min' : name}`)
    rest %= size
  }
  return parts.length === 0 ? '0 s' : parts.join(' ')
}

/** `https://feeds.example/Mobile%20List.csv` → `mobile-list`; a manifest is named for its folder, an address without a path for its host. */
export function feedNameOfUrl (text: string): string {
  if (!URL.canParse(text)) throw new Error(`${text} is not a URL`)
  const { pathname, hostname } = new URL(text)
  const parts = pathname.split('/').filter((part) => part !== '')
  const file = parts.at(-1) === 'manifest.json' ? parts.at(-2) : parts.at(-1)?.replace(/(\.[a-z0-9]+)?(\.gz)?$/i, '')
  const name = decode(file ?? '').toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '').slice(0, 100)
  return name === '' ? hostname.replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '') : name
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A subscription in lines for people. */
export function describeSubscription (one: SubscriptionView): string {
  const { feed, url, kind, everySeconds, ageSeconds, lastSuccessAt, lastError, lastErrorAt, failures, stale, etag, lastModified, nextRunAt, running, lastResult } = one
  const counts = lastResult === null ? '' : ['added', 'updated', 'unchanged', 'withdrawn'].map((name) => `${String(lastResult[name])} ${name}`).join(', ')
  const version = [etag === null ? '' : `ETag ${etag}`, lastModified === null ? '' : `of ${lastModified}`].filter((part) => part !== '').join(', ')
  return [
    `${feed}  ${url}${kind === 'file' ? '' : `  (${kind})`}, every ${describeSeconds(everySeconds)}`,
    lastSuccessAt === null ? '  never fetched yet' : `  last success ${lastSuccessAt}, ${describeSeconds(ageSeconds ?? 0)} ago${stale ? ': STALE' : ''}${version === '' ? '' : `; ${version}`}`,
    ...(counts === '' ? [] : [`  last import: ${counts}`]),
    ...(lastError === null ? [] : [`  failed ${failures} ${failures === 1 ? 'time' : 'times'} in a row, last ${lastErrorAt ?? ''}: ${lastError}`]),
    running ? '  is being fetched' : `  next run ${nextRunAt}`
  ].join('\n') + '\n'
}
