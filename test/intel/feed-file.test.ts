import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import type { InvalidInputError } from '../../src/errors.js'
import { readFeedFile } from '../../src/intel/feed-file.js'
import { unpackFile } from '../../src/intel/feed-packing.js'
import { stalkerwareFile, stixFile } from './files.js'
import { makeZip } from './zip.js'

const read = async (body: string | Buffer, format = 'auto', contentEncoding?: string) => (await readFeedFile({ body, format, contentEncoding })).parsed
const valuesOf = async (...parameters: Parameters<typeof read>): Promise<string[]> => (await read(...parameters)).indicators.map(({ value }) => value).sort()
const refusalOf = async (...parameters: Parameters<typeof read>): Promise<{ statusCode?: number, message: string, faults?: ReadonlyArray<{ path: string, message: string }> }> =>
  await read(...parameters).then(() => { throw new Error('it was not refused') }, (error: unknown) => error as InvalidInputError)
const utf16 = (text: string, order: 'le' | 'be'): Buffer => {
  const bytes = Buffer.from('\uFEFF' + text, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}
const SPY = stalkerwareFile({ name: 'Späher', packages: ['com.evil.spy'] })

t.test('text is read as UTF-8 and, with its mark, as UTF-16; packed or not', async (t) => {
  for (const [name, body] of [
    ['UTF-8', SPY], ['UTF-8 with a mark', '\uFEFF' + SPY], ['UTF-16, little end first', utf16(SPY, 'le')], ['UTF-16, big end first', utf16(SPY, 'be')],
    ['gzip', gzipSync(SPY)], ['UTF-16 in gzip', gzipSync(utf16(SPY, 'le'))], ['zip', makeZip({ 'list.yaml': SPY })]
  ] as const) {
    const { indicators } = await read(body)
    t.match(indicators, [{ value: 'com.evil.spy', family: 'Späher' }], name)
  }
})

t.test('the checksum is that of the file, not of how it was sent', async (t) => {
  const { sha256 } = await readFeedFile({ body: SPY, format: 'auto' })
  for (const [encoding, packed] of [['gzip', gzipSync(SPY)], ['deflate', deflateSync(SPY)], ['X-GZIP', gzipSync(SPY)]] as const) {
    t.equal((await readFeedFile({ body: packed, contentEncoding: encoding, format: 'auto' })).sha256, sha256, encoding)
  }
  t.not((await readFeedFile({ body: gzipSync(SPY), format: 'auto' })).sha256, sha256, 'a file that is itself packed is another file')
  t.match(await refusalOf('no gzip', 'auto', 'gzip'), { statusCode: 400 })
  t.match(await refusalOf(SPY, 'auto', 'rot13'), { statusCode: 415 })
  t.match(await refusalOf(gzipSync(Buffer.alloc(20 * 1024 * 1024)), 'auto', 'gzip'), { statusCode: 413 })
})

t.test('an archive of several files is one feed; faults say in which file they are', async (t) => {
  const files = { 'README.md': '# evil-readme.com', '__MACOSX/._a.json': 'x', 'a/': '', 'a/one.json': stixFile('A', ["[domain-name:value='one-evil.com']"]), 'a/two.json': stixFile('B', ["[domain-name:value='two-evil.com']"]) }
  t.strictSame(await valuesOf(makeZip(files)), ['one-evil.com', 'two-evil.com'])
  t.strictSame(await valuesOf(makeZip({ ...files, 'a/three.json': files['a/one.json'] })), ['one-evil.com', 'two-evil.com'], 'each claim once')
  t.match(await refusalOf(makeZip({ ...files, 'a/bad.json': '{"type": "bundle",\n\n "objects": [' })), { statusCode: 400, faults: [{ path: /^a\/bad\.json/, message: /is not JSON/ }] })
  t.match(await refusalOf(makeZip({ ...files, 'a/bad.json': '{"type": "bundle", "objects": [5]}' })), { faults: [{ path: /^a\/bad\.json .*\/objects\/0/ }] })
  t.match(await refusalOf(makeZip({ ...files, 'a/bad.json': Buffer.from('{"a": "\n\xe9"}', 'latin1') })), { faults: [{ path: 'a/bad.json line 2', message: /not UTF-8/ }] })
  t.match(await refusalOf(makeZip({ LICENSE: 'x' })), { statusCode: 422, message: /no file that could be a feed/ })
})

t.test('what is no text, damaged, or packed to hurt is refused in words', async (t) => {
  const zip = makeZip({ 'a.json': SPY })
  for (const [name, body, expected] of [
    ['Latin-1', Buffer.from('a: b\nc: é\n', 'latin1'), { statusCode: 400, faults: [{ path: 'line 2', message: /Latin-1/ }] }],
    ['UTF-16 without its mark', Buffer.from('häßlich\n', 'utf16le'), { statusCode: 400, faults: [{ path: 'line 1', message: /UTF-16 without/ }] }],
    ['a NUL', 'evil.com\nevil\0.com\n', { statusCode: 400, faults: [{ path: 'line 2', message: /NUL/ }] }],
    ['a NUL in UTF-16', utf16('evil.com\n\n\0', 'be'), { statusCode: 400, faults: [{ path: 'line 3', message: /NUL/ }] }],
    ['half a character of UTF-16', Buffer.concat([utf16('evil.com\n', 'le'), Buffer.from([0x00, 0xd8])]), { statusCode: 422, message: /UTF-16/ }],
    ['a PNG', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), { statusCode: 422, message: /PNG image/ }],
    ['a PDF', '%PDF-1.7\n', { statusCode: 422, message: /PDF document/ }],
    ['half a gzip', gzipSync(SPY).subarray(0, -12), { statusCode: 400, faults: [{ message: /no whole gzip/ }] }],
    ['half a zip', zip.subarray(0, -30), { statusCode: 400, faults: [{ message: /no whole zip/ }] }],
    ['a damaged zip', Buffer.from(zip).fill(0xff, 40, 60), { statusCode: 400, faults: [{ message: /no whole zip/ }] }],
    ['gzip in gzip', gzipSync(gzipSync(SPY)), { statusCode: 422, message: /packed itself/ }],
    ['zip in zip', makeZip({ 'a.zip': zip }), { statusCode: 422, message: /a\.zip is packed itself/ }],
    ['a gzip bomb', gzipSync(Buffer.alloc(32 * 1024 * 1024)), { statusCode: 422, message: /unpacks to more than 8388608 bytes/ }],
    ['a zip bomb', makeZip({ 'a.json': Buffer.alloc(16 * 1024 * 1024) }), { statusCode: 422, message: /unpacks to more than/ }],
    ['a way out of the archive', makeZip({ '../a.json': SPY }), { statusCode: 400, faults: [{ message: /\.\./ }] }]
  ] as const) t.match(await refusalOf(body), expected, name)
})

t.test('limits of archives hold to the byte', async (t) => {
  const limits = { unpackedBytes: 100, ratio: 1_000, freeBytes: 100, entries: 2 }
  const unpack = async (body: Buffer): Promise<number> => (await unpackFile(body, limits)).reduce((sum, { bytes }) => sum + bytes.length, 0)
  t.equal(await unpack(gzipSync(Buffer.alloc(100, 'a'))), 100)
  await t.rejects(unpack(gzipSync(Buffer.alloc(101, 'a'))), { statusCode: 422 } as never)
  t.equal(await unpack(makeZip({ a: Buffer.alloc(50, 'a'), b: Buffer.alloc(50, 'b') })), 100)
  await t.rejects(unpack(makeZip({ a: Buffer.alloc(50, 'a'), b: Buffer.alloc(51, 'b') })), { statusCode: 422 } as never)
  await t.rejects(unpack(makeZip({ a: 'a', b: 'b', c: 'c' })), { statusCode: 422, message: /3 entries; at most 2/ } as never)
})

t.test('whatever the bytes are, they are read or refused in words', async (t) => {
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  const starts = ['', '\x1f\x8b', 'PK\x03\x04', 'PK\x05\x06', '\xff\xfe', '\xfe\xff', '{', '[', '<', '- ', '\x89PNG'].map((text) => Buffer.from(text, 'latin1'))
  await fc.assert(fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }), async (start, rest) => {
    const status = await read(Buffer.concat([start, rest])).then(() => 200, ({ statusCode }: { statusCode?: number }) => statusCode)
    return status !== undefined && status < 500
  }), { seed, numRuns: 500 })
})
