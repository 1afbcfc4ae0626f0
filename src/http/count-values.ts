/** How many values parsed JSON holds, members and items at any depth; `limit` when there are as many or more. */
export function countValues (value: unknown, limit: number): number {
  let count = 0
  // A list of what is still to be looked into: recursion would trust a stranger's nesting.
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (++count >= limit) return limit
    if (next === null || typeof next !== 'object') continue
    const members = Array.isArray(next) ? next : Object.values(next)
    if (count + waiting.length + members.length >= limit) return limit
    for (const member of members) waiting.push(member)
  }
  return count
}
