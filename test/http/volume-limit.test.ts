import t from 'tap'
import { createVolumeLimit } from '../../src/http/plugins/volume-limit.js'

const MB = 1024 * 1024

t.test('so much may come at once, and so much an hour', async (t) => {
  let nowMs = 0
  const limit = createVolumeLimit({ bytesPerHour: 60 * MB, now: () => nowMs })
  t.equal(limit.take('phone', 50 * MB), 0)
  t.equal(limit.take('phone', 10 * MB), 0)
  t.equal(limit.take('phone', MB), 60, 'a sixtieth of the hour until there is room for a sixtieth')
  t.equal(limit.take('other', 60 * MB), 0, 'another has its own')
  nowMs += 60_000
  t.equal(limit.take('phone', MB), 0, 'what was refused has not been counted')
  t.equal(limit.take('phone', MB), 60)
  nowMs += 3_600_000
  t.equal(limit.take('phone', 60 * MB), 0, 'after an hour of silence all of it again')
})

t.test('what is larger than the whole allowance is taken, and then nothing for long', async (t) => {
  let nowMs = 0
  const limit = createVolumeLimit({ bytesPerHour: 8 * MB, now: () => nowMs })
  t.equal(limit.take('phone', 16 * MB), 0)
  t.equal(limit.take('phone', 1), 3_601)
  nowMs += 2 * 3_600_000
  t.equal(limit.take('phone', 16 * MB), 0)
})

t.test('many callers that sent little do not make it forget the one that sent much', async (t) => {
  let nowMs = 0
  const limit = createVolumeLimit({ bytesPerHour: 60 * MB, now: () => nowMs })
  t.equal(limit.take('phone', 60 * MB), 0)
  for (let other = 0; other < 30_000; other++) {
    nowMs++
    limit.take(`other ${other}`, 1_000)
  }
  t.ok(limit.take('phone', 60 * MB) > 3_000)
})
