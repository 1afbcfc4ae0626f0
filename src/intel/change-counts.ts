/** What an import changed. */
export interface ChangeCounts {
  readonly added: number
  readonly updated: number
  readonly unchanged: number
  readonly withdrawn: number
}

/** Rows of one statement: a feed of millions is never one parameter. */
export const CHUNK = 10_000

export function * chunksOf<T> (items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += CHUNK) yield items.slice(from, from + CHUNK)
}

export function toCounts (total: number, { added, updated }: { added: number, updated: number }, withdrawn: number): ChangeCounts {
  return { added, updated, unchanged: total - added - updated, withdrawn }
}

export function sumCounts (a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return { added: a.added + b.added, updated: a.updated + b.updated, unchanged: a.unchanged + b.unchanged, withdrawn: a.withdrawn + b.withdrawn }
}

export const hasChanged = ({ added, updated, withdrawn }: Omit<ChangeCounts, 'unchanged'>): boolean => added + updated + withdrawn > 0
