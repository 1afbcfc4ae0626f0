import fc from 'fast-check'
import t from 'tap'
import { KeyedFingerprints, MAX_BYTES, randomKey } from '../../../src/intel/index/keyed-fingerprint.js'

/** Of the authors' reference implementation: tags of the bytes 0, 1, 2 … under this key. */
const REFERENCE_KEY = Int32Array.from([0x833D3433, 0x009F389F, 0x2398E64F, 0x417ACF39])
const OF_8_ROUNDS: ReadonlyArray<readonly [number, string]> = [
  [0, '792e8fe575ce87aa2d1450b51191970b'], [1, '13a9307b50e62c894577bd88c0bbdc18'], [15, '51b94da4efcc4de8192412eabbc170dd'], [16, '79271ca9d66a1c7181ca474e49831cad']
]
const OF_12_ROUNDS: ReadonlyArray<readonly [number, string]> = [
  [0, '43cb1f4151eba0c2ff0a8ac37ee3f642'], [1, 'f9ac20679c35a846441aad3d777b7330'], [3, '8c5e6ab95035adfbbff69f98965516d9'], [4, '0b2b62db1e9e3f50a1b8dcadb4279ae0'],
  [15, '03cfb44b283c8163fca71448c40a0aea'], [16, '5dd0e2a9fb5eac8c633a392e500c36f3'], [17, '8b5f6d5a202314f6220923689639e606'], [32, '7796278407c647fadd752c0fd2f5a799'],
  [63, '2dd072e142b89efefb26b615049aa451']
]
const BYTES = Uint8Array.from({ length: 64 }, (_, number) => number)
const hexOf = (out: Int32Array): string => [...out].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

t.test('fingerprints are those of the published algorithm', async (t) => {
  for (const [rounds, known] of [[8, OF_8_ROUNDS], [12, OF_12_ROUNDS]] as const) {
    const fingerprints = new KeyedFingerprints(REFERENCE_KEY, rounds)
    for (const [length, tag] of known) {
      fingerprints.ofBytes(0, BYTES, 0, length)
      t.equal(hexOf(fingerprints.out), tag, `${length} bytes, ${rounds} rounds`)
      fingerprints.ofText(0, String.fromCharCode(...BYTES.subarray(0, length)))
      t.equal(hexOf(fingerprints.out), tag, `the same as text, ${length}`)
    }
  }
})

t.test('a text, a part of a longer text and their bytes have one fingerprint, whatever came before', async () => {
  const fingerprints = new KeyedFingerprints(randomKey(2))
  const of = (work: () => boolean): string => { work(); return hexOf(fingerprints.out) }
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.string({ maxLength: 5 }), fc.string({ maxLength: 70 }), (text, around, before) => {
    const bytes = Buffer.from(`${around}${text}${around}`)
    const start = Buffer.byteLength(around)
    const whole = of(() => fingerprints.ofText(1, text))
    fingerprints.ofText(0, before)
    const part = of(() => fingerprints.ofText(1, around + text + around, around.length, around.length + text.length))
    fingerprints.ofText(0, before)
    return whole === part && whole === of(() => fingerprints.ofBytes(1, bytes, start, bytes.length - start))
  }), { numRuns: 2_000 })
})

t.test('another domain, another key, another bit or another length is another fingerprint', async (t) => {
  const fingerprints = new KeyedFingerprints(randomKey(2))
  const other = new KeyedFingerprints(randomKey(2))
  const seen = new Set<string>()
  let made = 0
  const note = (from: KeyedFingerprints, domain: number, text: string): void => {
    from.ofText(domain, text)
    seen.add(hexOf(from.out))
    made++
  }
  for (let length = 0; length <= 70; length++) {
    const text = 'a'.repeat(length)
    for (const from of [fingerprints, other]) for (const domain of [0, 1]) note(from, domain, text)
    // What padding could be taken for.
    if (length > 0) for (const end of ['\x01', '\x00', '\x01\x00', '`', 'c']) note(fingerprints, 0, text.slice(1) + end + (end.length > 1 ? 'b' : ''))
  }
  t.equal(seen.size, made)
})

t.test('what is too long to be an indicator has none', async (t) => {
  const fingerprints = new KeyedFingerprints(randomKey(1))
  t.ok(fingerprints.ofText(0, 'x'.repeat(MAX_BYTES)))
  t.notOk(fingerprints.ofText(0, 'x'.repeat(MAX_BYTES + 1)))
  t.notOk(fingerprints.ofText(0, 'ü'.repeat(MAX_BYTES / 2 + 1)), 'bytes count, not characters')
})
