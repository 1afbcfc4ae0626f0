import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { BEGINNING, type ChainEntry, type ChainedEvent, hashEntry, PLATFORM_CHAIN, walkChain } from '../../src/operators/audit-chain.js'

const event = (id: number, more: Partial<ChainedEvent> = {}): ChainedEvent => (
  { id, tenantId: null, at: '2026-11-30T00:00:00.000000Z', actor: 'ann', action: 'thing.done', subject: String(id), detail: '{}', ...more }
)

/** A chain as it is written. */
function chainOf (length: number, chain = PLATFORM_CHAIN): ChainEntry[] {
  const entries: ChainEntry[] = []
  for (let number = 1; number <= length; number++) {
    const one = event(number * 10, { tenantId: chain === PLATFORM_CHAIN ? null : chain })
    entries.push({ number, eventId: one.id, hash: hashEntry(chain, number, entries.at(-1)?.hash ?? BEGINNING, one), event: one })
  }
  return entries
}

const walked = (entries: readonly ChainEntry[], noted: Parameters<typeof walkChain>[1] = []): ReturnType<ReturnType<typeof walkChain>['finish']> => {
  const walk = walkChain(PLATFORM_CHAIN, noted)
  for (const entry of entries) walk.add(entry)
  return walk.finish()
}
const faultsOf = (entries: readonly ChainEntry[], noted: Parameters<typeof walkChain>[1] = []): Array<[string, number | null]> => walked(entries, noted).faults.map(({ kind, number }) => [kind, number])

t.test('the hash is over fields with their lengths, so that anybody can compute it', async (t) => {
  const text = `36:${PLATFORM_CHAIN},1:1,64:${'0'.repeat(64)},2:10,27:2026-11-30T00:00:00.000000Z,4:Änn,10:thing.done,-,2:{}`
  t.equal(hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(10, { actor: 'Änn', subject: null })).toString('hex'), createHash('sha256').update(text).digest('hex'))
})

t.test('a chain that nobody touched has no fault, and tells its head', async (t) => {
  const entries = chainOf(5)
  t.strictSame(walked(entries), { entries: 5, head: { chain: PLATFORM_CHAIN, number: 5, hash: entries[4]!.hash.toString('hex') }, faults: [] })
  t.strictSame(walked([]), { entries: 0, head: undefined, faults: [] })
})

t.test('each way of tampering is found and told where', async (t) => {
  const entries = chainOf(5)
  const swap = (number: number, change: Partial<ChainEntry>): ChainEntry[] => entries.map((entry) => entry.number === number ? { ...entry, ...change } : entry)
  const head = (number: number): Parameters<typeof walkChain>[1] => [{ chain: PLATFORM_CHAIN, number, hash: entries[number - 1]!.hash.toString('hex') }]
  t.strictSame(faultsOf(swap(3, { event: event(30, { actor: 'eve' }) })), [['changed', 3]], 'an event')
  t.strictSame(faultsOf(swap(3, { hash: Buffer.alloc(32, 7) })), [['changed', 3], ['changed', 4]], 'a hash')
  const forged = event(30, { actor: 'eve' })
  t.strictSame(faultsOf(swap(3, { event: forged, hash: hashEntry(PLATFORM_CHAIN, 3, entries[1]!.hash, forged) })), [['changed', 4]], 'an event with its hash')
  t.strictSame(faultsOf(swap(3, { event: undefined })), [['deleted', 3]], 'an event that is gone')
  t.strictSame(faultsOf(swap(3, { event: event(30, { tenantId: '11111111-1111-4111-8111-111111111111' }) })), [['moved', 3]], 'an event of somebody else')
  t.strictSame(faultsOf(entries.filter(({ number }) => number !== 3)), [['deleted', 3]], 'an entry that is gone')
  t.strictSame(walked(entries.filter(({ number }) => number !== 2 && number !== 3)).faults.map(({ message }) => message), ['entries 2 to 3 are gone'])
  t.strictSame(faultsOf(entries.slice(1)), [['deleted', 1]], 'the beginning that is gone')
  t.strictSame(faultsOf(entries.map((entry, n) => ({ ...entries[n === 1 ? 2 : n === 2 ? 1 : n]!, number: entry.number }))), [['changed', 2], ['changed', 3], ['changed', 4]], 'another order')
  t.strictSame(faultsOf([...entries, entries[4]!]), [['out-of-order', 5]], 'an entry twice')
  t.strictSame(faultsOf(entries.slice(0, 4)), [], 'an end that was cut off is not seen')
  t.strictSame(faultsOf(entries.slice(0, 4), head(5)), [['head-missing', 5]], 'but with a head that was noted')
  t.strictSame(faultsOf(entries, head(5)), [])
  t.strictSame(faultsOf(entries, head(3)), [], 'a head from earlier is still there')
  t.strictSame(faultsOf(chainOf(5).map((entry) => ({ ...entry, hash: createHash('sha256').update(entry.hash).digest() })), head(3)).filter(([kind]) => kind === 'head-differs'), [['head-differs', 3]])
})

t.test('no two entries have the same hash', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((one) => !one.includes('\0'))
  const entry = fc.record({ actor: text, action: text, subject: fc.option(text), detail: text })
  fc.assert(fc.property(entry, entry, (one, other) => {
    const same = JSON.stringify(one) === JSON.stringify(other)
    return same === hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, one)).equals(hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, other)))
  }), { numRuns: 500 })
  // What moves from one field to the next is not the same.
  t.notSame(hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, { actor: 'a,1:b', action: 'c' })), hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, { actor: 'a', action: 'b,1:c' })))
  t.notSame(hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, { subject: null })), hashEntry(PLATFORM_CHAIN, 1, BEGINNING, event(1, { subject: '-' })))
})
