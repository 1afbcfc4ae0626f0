import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { listLogEvents } from '../../tools/log-events.js'

const { events, faults } = listLogEvents()

t.test('every line of the log has a constant message', async (t) => {
  t.strictSame(faults, [])
  t.ok(events.length > 30, `${events.length} are found`)
})

t.test('lines are few, and one message says one thing', async (t) => {
  const messages = new Set(events.map(({ message }) => message))
  t.ok(messages.size <= 150, `${messages.size} different ones: whoever adds another asks whether a metric would do`)
  t.strictSame([...messages].filter((message) => message.length > 100 || message.endsWith('.')), [], 'short, and no sentence')
})

t.test('a runbook that names a line names one that there is', async (t) => {
  const page = readFileSync(join(packageRoot, 'docs/operations.md'), 'utf8')
  const known = new Set(events.map(({ message }) => message))
  const named = [...page.matchAll(/[Ll]og lines?:? (?:of [^`]*)?((?:`[^`]+`(?:, | and )?)+)/g)].flatMap(([, list]) => [...list!.matchAll(/`([^`]+)`/g)].map(([, line]) => line!)).filter((line) => line.includes(' '))
  t.ok(named.length >= 6, `${named.length} are named`)
  t.strictSame(named.filter((line) => !known.has(line)), [])
})
