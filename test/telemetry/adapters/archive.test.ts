import { gzipSync } from 'node:zlib'
import { strToU8, zipSync, type Zippable } from 'fflate'
import { Header } from 'tar'
import t, { type Test } from 'tap'
import { ARCHIVE_LIMITS, packingOf, readArchive, unpackGzip } from '../../../src/telemetry/adapters/archive.js'
import { createSkips } from '../../../src/telemetry/adapters/translation.js'

const LIMITS = { entries: 10, fileBytes: 1_000, unpackedBytes: 2_000 }
const wanted = new Set(['packages.json', 'getprop.txt'])
type Kind = 'File' | 'SymbolicLink' | 'Link' | 'Directory' | 'FIFO'

/** A tar archive, honest or not. */
function tarOf (...entries: ReadonlyArray<readonly [path: string, content: string, type?: Kind]>): Buffer {
  const blocks = entries.flatMap(([path, content, type = 'File']) => {
    const body = Buffer.from(type === 'File' ? content : '')
    const block = Buffer.alloc(512 + Math.ceil(body.length / 512) * 512)
    new Header({ path, size: body.length, type, mode: 0o644, mtime: new Date(0), ...(type.endsWith('Link') ? { linkpath: content } : {}) }).encode(block, 0)
    body.copy(block, 512)
    return [block]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
const zipOf = (files: Zippable): Buffer => Buffer.from(zipSync(files))

async function read (packing: 'tar' | 'zip', content: Buffer): Promise<{ files: object, skipped: object[] }> {
  const skips = createSkips()
  const files = await readArchive(packing, content, { wanted, skips, limits: LIMITS })
  return { files: Object.fromEntries(files), skipped: skips.list() }
}
const refuses = async (t: Test, packing: 'tar' | 'zip', content: Buffer, message: RegExp, name = String(message)): Promise<void> => {
  await t.rejects(read(packing, content), { code: 'validation', faults: [{ message }] }, name)
}

t.test('tells archives by their first bytes', async (t) => {
  t.equal(packingOf(tarOf(['a', 'x'])), 'tar')
  t.equal(packingOf(zipOf({ a: strToU8('x') })), 'zip')
  t.equal(packingOf(zipOf({})), 'zip')
  t.equal(packingOf(gzipSync('x')), 'gzip')
  t.equal(packingOf(Buffer.from('{}')), undefined)
  t.equal(packingOf(Buffer.alloc(0)), undefined)
})

t.test('reads the wanted files, wherever they are', async (t) => {
  const expected = { files: { 'packages.json': '[]', 'getprop.txt': 'ä' }, skipped: [] }
  t.strictSame(await read('tar', tarOf(['id/', '', 'Directory'], ['id/packages.json', '[]'], ['id/apks/x.apk', 'x'.repeat(1_500)], ['./id/getprop.txt', 'ä'])), expected)
  t.strictSame(await read('zip', zipOf({ id: { 'packages.json': strToU8('[]'), 'getprop.txt': strToU8('ä'), 'other.bin': [new Uint8Array(5_000), { level: 0 }] } })), expected)
  t.strictSame(await read('tar', tarOf(['id/logs/packages.json', 'deep'], ['id/packages.json', 'near'])), { files: { 'packages.json': 'near' }, skipped: [] }, 'the one nearest the top')
  t.strictSame(await read('zip', zipOf({})), { files: {}, skipped: [] })
})

t.test('refuses files outside the archive', async (t) => {
  for (const path of ['../packages.json', '/etc/packages.json', 'a/../../packages.json']) {
    await refuses(t, 'tar', tarOf([path, '[]']), /must stay within itself/, `tar ${path}`)
    await refuses(t, 'zip', zipOf({ [path]: strToU8('[]') }), /relative path|absolute path|must stay within itself/, `zip ${path}`)
  }
})

t.test('follows no links', async (t) => {
  for (const kind of ['SymbolicLink', 'Link'] as const) {
    t.match(await read('tar', tarOf(['id/packages.json', '/etc/passwd', kind], ['id/getprop.txt', 'x'])), { files: { 'getprop.txt': 'x' }, skipped: [{ reason: /is a link/, count: 1, examples: ['id/packages.json'] }] }, kind)
  }
  const link = zipOf({ 'packages.json': [strToU8('/etc/passwd'), { os: 3, attrs: (0o120777 << 16) >>> 0 }] })
  t.match(await read('zip', link), { files: {}, skipped: [{ reason: /is a link/ }] }, 'zip')
})

t.test('keeps its limits, and names them', async (t) => {
  const many = Array.from({ length: 11 }, (_, index) => `f${index}`)
  await refuses(t, 'tar', tarOf(...many.map((name) => [name, ''] as const)), /more than 10 entries/, 'tar: entries')
  await refuses(t, 'zip', zipOf(Object.fromEntries(many.map((name) => [name, strToU8('')]))), /more than 10 entries/, 'zip: entries')
  await refuses(t, 'tar', tarOf(['packages.json', 'x'.repeat(1_001)]), /larger than 1000 bytes/, 'tar: a file')
  await refuses(t, 'zip', zipOf({ 'packages.json': strToU8('x'.repeat(1_001)) }), /larger than 1000 bytes/, 'zip: a file')
  await t.rejects(unpackGzip(gzipSync(Buffer.alloc(2_001)), LIMITS), { code: 'validation', faults: [{ message: /more than 2000 bytes/ }] })
  await t.resolves(unpackGzip(gzipSync(Buffer.alloc(2_000)), LIMITS))
  await t.rejects(unpackGzip(gzipSync(Buffer.alloc(ARCHIVE_LIMITS.unpackedBytes + 1))), { code: 'validation', faults: [{ message: /more than 100663296 bytes/ }] }, 'a bomb of a hundred kilobytes')
})

t.test('refuses a zip that lies about its sizes', async (t) => {
  const zip = zipOf({ 'packages.json': strToU8('x'.repeat(5_000)) })
  // Uncompressed size in the central directory: 24 bytes after its signature.
  zip.writeUInt32LE(100, zip.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])) + 24)
  await refuses(t, 'zip', zip, /too many bytes|larger than|invalid/i)
})

t.test('refuses what is encrypted, two folders in one, and what is broken', async (t) => {
  const zip = zipOf({ 'packages.json': strToU8('x') })
  const directory = zip.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]))
  zip.writeUInt16LE(1, directory + 8)
  zip.writeUInt16LE(1, 6)
  await refuses(t, 'zip', zip, /encrypted/)
  await refuses(t, 'tar', tarOf(['a/packages.json', '[]'], ['b/packages.json', '[]']), /must hold one folder/)
  await refuses(t, 'zip', zipOf({ 'packages.json': strToU8('x') }).subarray(0, 40), /is no zip/)
  await refuses(t, 'tar', tarOf(['packages.json', 'x'.repeat(600)]).subarray(0, 700), /is no tar/)
  const damaged = tarOf(['packages.json', 'x'])
  damaged[0] = 0x41
  await refuses(t, 'tar', damaged, /is no tar/)
  await t.rejects(unpackGzip(Buffer.from([0x1f, 0x8b, 0, 0])), { code: 'validation', faults: [{ message: /is no gzip/ }] })
})

t.test('what calls itself a tar is not unpacked once more', async (t) => {
  const disguised = tarOf(['id/packages.json', '[]'])
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd]).copy(disguised)
  t.equal(packingOf(disguised), 'tar')
  // The parser's own word for a header that is not right: it has looked at the bytes as they are.
  await refuses(t, 'tar', disguised, /checksum/i, 'zstd')
})
