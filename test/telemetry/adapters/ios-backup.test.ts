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
  t.throws(() => fromIosBackup(nested(3, 'first')), { code: 'validation' })
  t.throws(() => fromIosBackup(nested(40, 'text')), { code: 'validation' }, 'a few hundred bytes that would fill the memory')
})
