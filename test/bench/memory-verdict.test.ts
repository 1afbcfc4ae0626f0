import fc from 'fast-check'
import t from 'tap'
import { judgeMemory, type MemorySample } from '../../bench/memory-verdict.js'
import { Random } from '../../src/simulator/fleet/random.js'

const SOAK = { seconds: 1_800, every: 30 }

/** Rows as a soak makes them: the least of a look every 2 s. */
function series (mbAt: (seconds: number) => number, { seconds, every } = SOAK): MemorySample[] {
  const floor = (end: number): number => Math.min(...Array.from({ length: every / 2 }, (_, at) => mbAt(end - 2 * at)))
  return Array.from({ length: seconds / every }, (_, at) => ({ seconds: (at + 1) * every, mb: floor((at + 1) * every) }))
}

const HOUR = 3_600

t.test('what stays the same is flat', (t) => {
  const { word, mbPerHour, text } = judgeMemory(series(() => 180))
  t.equal(word, 'flat')
  t.strictSame(mbPerHour, { likely: 0, least: 0, most: 0 })
  t.match(text, /^flat: \+0 MB an hour/)
  t.end()
})

/** Fills by 30 MB until garbage is collected. */
const heap = (seconds: number, tooth: number): number => 160 + 30 * (seconds % tooth) / tooth

t.test('a heap that fills and is collected is flat, and no growth when its teeth are longer than rows', (t) => {
  for (const tooth of [3, 7, 19, 26]) t.equal(judgeMemory(series((seconds) => heap(seconds, tooth))).word, 'flat', `a tooth of ${tooth} s`)
  for (const tooth of [45, 70, 100, 130]) t.not(judgeMemory(series((seconds) => heap(seconds, tooth))).word, 'grows', `a tooth of ${tooth} s`)
  t.end()
})

t.test('a leak shows through the teeth of a heap that fills and is collected, and is never called flat', (t) => {
  const leaking = (seconds: number, tooth: number): number => heap(seconds, tooth) + 120 * seconds / HOUR
  for (const tooth of [3, 7, 19, 26]) {
    const { word, mbPerHour } = judgeMemory(series((seconds) => leaking(seconds, tooth)))
    t.equal(word, 'grows', `a tooth of ${tooth} s`)
    t.ok(mbPerHour!.least <= 120 && mbPerHour!.most >= 120)
  }
  for (const tooth of [45, 70, 100, 130]) t.not(judgeMemory(series((seconds) => leaking(seconds, tooth))).word, 'flat', `a tooth of ${tooth} s`)
  t.end()
})

t.test('memory that grows only while caches fill is flat', (t) => {
  t.equal(judgeMemory(series((seconds) => 100 + 80 * (1 - Math.exp(-seconds / 120)))).word, 'flat')
  t.end()
})

t.test('memory that is given back is flat, and one high sample is no growth', (t) => {
  t.equal(judgeMemory(series((seconds) => 200 - 60 * seconds / HOUR)).word, 'flat')
  t.equal(judgeMemory(series((seconds) => seconds >= 1_770 ? 400 : 180)).word, 'flat')
  t.end()
})

t.test('memory that varies more than it grows is unclear, which says so', (t) => {
  const random = new Random(1)
  const { word, text } = judgeMemory(series((seconds) => 180 + 60 * random.next() + 30 * seconds / HOUR))
  t.equal(word, 'unclear')
  t.match(text, /^unclear: /)
  t.end()
})

t.test('a run of a few samples, and what lies in the warm-up, is not judged', (t) => {
  t.equal(judgeMemory([]).word, 'too short')
  t.equal(judgeMemory(series((seconds) => seconds, { seconds: 300, every: 30 })).word, 'too short')
  t.equal(judgeMemory(series((seconds) => seconds, { seconds: 120, every: 6 })).word, 'too short')
  t.equal(judgeMemory(series((seconds) => seconds, { seconds: 240, every: 6 })).word, 'grows')
  t.end()
})

t.test('a leak of half of what is there in an hour is found in whatever noise a collected heap has, and none is made up', (t) => {
  const rowOf = (seconds: number): number => Math.ceil(seconds / SOAK.every) - 1
  const noises = fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { minLength: 60, maxLength: 60 })
  fc.assert(fc.property(noises, fc.integer({ min: 100, max: 400 }), (noise, mb) => {
    const flat = judgeMemory(series((seconds) => mb + noise[rowOf(seconds)]!))
    const leaking = judgeMemory(series((seconds) => mb + mb * 0.5 * seconds / HOUR + noise[rowOf(seconds)]!))
    return leaking.mbPerHour!.likely > flat.mbPerHour!.likely && leaking.word !== 'flat'
  }), { numRuns: 200 })
  t.end()
})

t.test('noise alone is called growth once in a hundred at most', (t) => {
  const random = new Random(7)
  const words = Array.from({ length: 1_000 }, () => judgeMemory(series(() => 180 + 12 * random.next())).word)
  t.ok(words.filter((word) => word === 'grows').length <= 10)
  t.end()
})
