import { Readable } from 'node:stream'
import t from 'tap'
import { contentLengthOf, readPieces } from '../../src/http/read-pieces.js'

const chunks = (...sizes: readonly number[]): Readable => Readable.from(sizes.map((size) => Buffer.alloc(size, 1)))
const sizesOf = async (payload: Readable, expectedBytes?: number): Promise<number[]> => (await readPieces(payload, { maxBytes: 4_000_000, expectedBytes })).map(({ length }) => length)

t.test('what comes in any pieces is kept in large ones', async (t) => {
  t.strictSame(await sizesOf(chunks(1, 2, 3), 6), [6])
  t.strictSame(await sizesOf(chunks(...Array<number>(3_000).fill(1_000))), [1_048_576, 1_048_576, 902_848])
  t.strictSame(await sizesOf(chunks()), [])
})

t.test('a length that is not the body\'s is refused at once, and costs nothing', async (t) => {
  for (const expected of [0, 5, 999_999]) await t.rejects(sizesOf(chunks(1_000_000), expected), { code: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' } as never, String(expected))
  await t.rejects(sizesOf(chunks(10), 11), { code: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' } as never)
  await t.rejects(sizesOf(chunks(4_000_001)), { statusCode: 413 } as never)
})

t.test('a length that is no number is none', async (t) => {
  t.equal(contentLengthOf({}), undefined)
  t.equal(contentLengthOf({ 'content-length': '12' }), 12)
  for (const length of ['', '-1', '"', '1e3', 'x', '9'.repeat(30)]) t.throws(() => contentLengthOf({ 'content-length': length }), { code: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' } as never, length)
})
