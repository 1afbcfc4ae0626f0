import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCountedLine } from '../../src/platform/counted-line.js'
import { createOutageLog } from '../../src/platform/outage-log.js'
import { until as waitUntil } from '../helpers/until.js'

const error = (message: string): { readonly err: Error } => ({ err: new Error(message) })

/** Lines as they are written; `times` of the one that is asked for are waited for. */
function collect () {
  const lines: Array<{ readonly line: string, readonly errors?: number, readonly seconds?: number, readonly err?: Error }> = []
  return {
    lines,
    names: () => lines.map(({ line }) => line),
    async until (line: string, times = 1) {
      while (lines.filter((one) => one.line === line).length < times) await sleep(1)
    }
  }
}

function open (options: { readonly isBack: () => Promise<boolean>, readonly remindEveryMs?: number }) {
  const { lines, ...rest } = collect()
  const log = createOutageLog({
    gone: (fields) => { lines.push({ line: 'gone', ...fields }) },
    still: (fields) => { lines.push({ line: 'still', ...fields }) },
    back: (fields) => { lines.push({ line: 'back', ...fields }) },
    lookEveryMs: 2,
    remindEveryMs: 60_000,
    ...options
  })
  return { log, lines, ...rest }
}

t.test('an outage is two lines, however many connections try again and again', async (t) => {
  let [isBack, asked] = [false, 0]
  const { log, lines, names, until } = open({
    isBack: async () => {
      asked++
      return isBack
    }
  })
  for (let at = 0; at < 1_000; at++) log.failed(error(`connection ${at % 14}`))
  await waitUntil(() => asked >= 3, 'asked again and again')
  t.strictSame(names(), ['gone'])
  t.equal(lines[0]!.err!.message, 'connection 0')
  isBack = true
  await until('back')
  t.match(lines[1], { errors: 1_000, seconds: 0 })
  log.close()
})

t.test('one that lasts is told of again, with how often something failed and what failed last', async (t) => {
  const { log, lines, until } = open({ isBack: async () => { throw new Error('no answer') }, remindEveryMs: 20 })
  log.failed(error('first'))
  log.failed(error('second'))
  await until('still', 2)
  t.match(lines.slice(0, 3), [{ line: 'gone', err: { message: 'first' } }, { line: 'still', errors: 2, err: { message: 'second' } }, { line: 'still' }])
  log.close()
  const count = lines.length
  log.failed(error('third'))
  await sleep(50)
  t.equal(lines.length, count, 'nothing more when it is closed')
})

t.test('what comes and goes all the time is told once in a while, with all that failed', async (t) => {
  const { log, lines, names, until } = open({ isBack: async () => true, remindEveryMs: 100 })
  let failures = 0
  while (names().filter((one) => one === 'back').length < 3) {
    log.failed(error('full'))
    failures++
    await sleep(3)
  }
  log.close()
  t.strictSame(names(), ['gone', 'back', 'gone', 'back', 'gone', 'back'])
  t.ok(failures > 6 && lines.reduce((sum, { errors = 0 }) => sum + errors, 0) > failures - 4, 'and none is left out')
  await until('gone')
})

t.test('it is not over while something fails between question and answer', async (t) => {
  let asked = 0
  const { log, names, until } = open({
    isBack: async () => {
      if (++asked < 3) log.failed(error('meanwhile'))
      return true
    }
  })
  log.failed(error('first'))
  await until('back')
  t.equal(asked, 3)
  t.strictSame(names(), ['gone', 'back'])
  log.close()
})

t.test('lines alike are one at once, and then one for each while with their sum', async (t) => {
  const written: Array<readonly [count: number, why: string]> = []
  const line = createCountedLine<{ readonly why: string }>((count, { why }) => { written.push([count, why]) }, 20)
  line.add(3, { why: 'a' })
  line.add(2, { why: 'b' })
  line.add(5, { why: 'c' })
  t.strictSame(written, [[3, 'a']])
  while (written.length < 2) await sleep(1)
  t.strictSame(written[1], [7, 'c'])
  await sleep(50)
  t.equal(written.length, 2, 'none when there was nothing')
  line.add(1, { why: 'd' })
  t.strictSame(written[2], [1, 'd'])
})
