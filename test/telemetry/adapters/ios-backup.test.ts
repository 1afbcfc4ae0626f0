import { build, buildBinary } from 'plist'
import t from 'tap'
import { fromIosBackup } from '../../../src/telemetry/adapters/ios-backup.js'

const INFO = { 'Product Version': '17.6.1', 'Build Version': '21G93', 'Product Type': 'iPhone15,2', 'Installed Applications': ['com.example.a', 'com.example.b', 'com.example.a'], 'Serial Number': 'F2' }
const EXPECTED = {
  os: { version: '17.6.1', build: '21G93' },
  hardware: { manufacturer: 'Apple', model: 'iPhone15,2' },
  apps: { mode: 'snapshot', items: [{ appId: 'com.example.a' }, { appId: 'com.example.b' }] }
}

t.test('reads a binary Info.plist', async (t) => {
  t.strictSame(fromIosBackup(buildBinary(INFO)), EXPECTED)
})

t.test('reads an XML Info.plist', async (t) => {
  t.strictSame(fromIosBackup(Buffer.from(build(INFO))), EXPECTED)
})

t.test('leaves unknown what the backup does not say', async (t) => {
  t.strictSame(fromIosBackup(buildBinary({ 'Product Type': 'iPad14,1' })), { hardware: { manufacturer: 'Apple', model: 'iPad14,1' } })
  t.strictSame(fromIosBackup(buildBinary({ 'Installed Applications': [] })).apps, { mode: 'snapshot', items: [] }, 'an empty list is known to be empty')
  t.notOk('os' in fromIosBackup(buildBinary({ 'Product Version': 14 })), 'a version that is no text')
})

t.test('refuses what is no property list', async (t) => {
  for (const content of [Buffer.alloc(0), Buffer.from('hello'), Buffer.from('bplist00'), Buffer.from('<plist><dict>'), buildBinary(['a'])]) {
    t.throws(() => fromIosBackup(content), { code: 'validation', faults: [{ path: 'Info.plist' }] }, JSON.stringify(content.toString('latin1').slice(0, 12)))
  }
})

/** Lists in lists, each naming the next one twice; `last` is what the innermost one names. */
function nested (depth: number, last: 'text' | 'first'): Buffer {
  const objects = Array.from({ length: depth }, (_, index) => {
    const next = index === depth - 1 && last === 'first' ? 0 : index + 1
    return Buffer.from([0xa2, next, next])
  })
  objects.push(Buffer.from([0x51, 0x61]))
  const header = Buffer.from('bplist00')
  const offsets: number[] = []
  let offset = header.length
  for (const object of objects) {
    offsets.push(offset)
    offset += object.length
  }
  const trailer = Buffer.alloc(32)
  trailer[6] = 2
  trailer[7] = 1
  trailer.writeBigUInt64BE(BigInt(objects.length), 8)
  trailer.writeBigUInt64BE(0n, 16)
  trailer.writeBigUInt64BE(BigInt(offset), 24)
  const table = Buffer.alloc(objects.length * 2)
  offsets.forEach((at, index) => table.writeUInt16BE(at, index * 2))
  return Buffer.concat([header, ...objects, table, trailer])
}

t.test('refuses a list that contains itself, and one that unfolds without end', async (t) => {
  t.throws(() => fromIosBackup(nested(3, 'first')), { code: 'validation', faults: [{ message: /contains itself/ }] }, 'before the parser goes round in it')
  t.throws(() => fromIosBackup(nested(40, 'text')), { code: 'validation' }, 'a few hundred bytes that would fill the memory')
})

/** A binary property list of these objects, the first of which is the root. References take two bytes. */
function binaryOf (objects: readonly Buffer[], { overlap = 0 }: { readonly overlap?: number } = {}): Buffer {
  const header = Buffer.from('bplist00')
  const offsets: number[] = []
  let offset = header.length
  for (const object of objects) {
    offsets.push(offset)
    offset += object.length
  }
  const table = Buffer.alloc(objects.length * 4)
  offsets.forEach((at, index) => table.writeUInt32BE(at, index * 4))
  const trailer = Buffer.alloc(32)
  trailer[6] = 4
  trailer[7] = 2
  trailer.writeBigUInt64BE(BigInt(objects.length), 8)
  trailer.writeBigUInt64BE(BigInt(offset + overlap), 24)
  return Buffer.concat([header, ...objects, Buffer.alloc(overlap), table, trailer])
}

/** The beginning of a list (0xa) or an ASCII text (0x5) of some length. */
function headOf (kind: number, length: number): Buffer {
  const head = Buffer.from([kind << 4 | 0x0f, 0x12, 0, 0, 0, 0])
  head.writeUInt32BE(length, 2)
  return head
}
const reference = (object: number): Buffer => Buffer.from([object >> 8, object & 0xff])

t.test('refuses a long text that is named again and again', async (t) => {
  const text = 'x'.repeat(200_000)
  const names = Array.from({ length: 50_000 }, () => reference(1))
  const bomb = binaryOf([Buffer.concat([headOf(0xa, names.length), ...names]), Buffer.concat([headOf(0x5, text.length), Buffer.from(text)])])
  const startedAt = performance.now()
  t.throws(() => fromIosBackup(bomb), { code: 'validation', faults: [{ message: /unfolds to too much/ }] }, '300 KB that would be ten gigabytes')
  t.ok(performance.now() - startedAt < 2_000)
})

t.test('refuses lists that lie over each other, without a list of each', async (t) => {
  // Each says that it goes on to the end of the file, and names the next one first.
  const depth = 3_000
  const rest = 2_000_000
  const lists = Array.from({ length: depth }, (_, index) => Buffer.concat([headOf(0xa, rest / 2), reference(Math.min(index + 1, depth - 1))]))
  const heapBefore = process.memoryUsage().heapUsed
  t.throws(() => fromIosBackup(binaryOf(lists, { overlap: rest })), { code: 'validation' })
  t.ok(process.memoryUsage().heapUsed - heapBefore < 200 * 1024 * 1024, 'and the memory is as it was')
})

t.test('refuses more objects than it could name', async (t) => {
  const list = buildBinary(INFO)
  const many = Buffer.from(list)
  many.writeBigUInt64BE(2n ** 40n, many.length - 24)
  t.throws(() => fromIosBackup(many), { code: 'validation' })
})
