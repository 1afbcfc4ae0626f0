import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isClean, runSimulateFleet, toFleetOptions } from '../../../src/commands/simulate-fleet.js'
import { createEnrollmentToken } from '../../../src/operators/enrollment-tokens.js'
import type { FleetResult } from '../../../src/simulator/fleet/fleet-tally.js'
import { startCommand } from '../../e2e/sallyport.js'
import { startTestApi } from '../../helpers/api.js'
import { readJournal } from '../../helpers/journal.js'

t.test('the command drives a fleet, tells what became of it, and ends with 0', async (t) => {
  const api = await startTestApi(t)
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { token } = await createEnrollmentToken(api, { tenantId: api.tenantId, label: 'fleet', actor: 'test' })
  const ledger = join(t.testdir(), 'ledger.jsonl')
  const args = ['--api', `${url}/`, '--enrollment-token', token, '--phones', '5', '--rate', '20', '--seconds', '0.5', '--speed', '20000', '--ledger', ledger, '--drain-seconds', '20']
  const { lines, exited, errors } = startCommand(t, ['simulate', 'fleet', ...args, '--seed', '3', '--json'])
  const { value } = await lines.next()
  t.equal(await exited, 0, errors())
  t.match(JSON.parse(value), { phones: 5, seed: 3, due: 15, accepted: 15, refused: {}, leftOver: 0 })
  const journal = await readJournal(api.db)
  t.equal(journal.length, 15)
  const written = readFileSync(ledger, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { reportId: string })
  t.strictSame(written.map(({ reportId }) => reportId).sort(), journal.map(({ reportId }) => reportId).sort())

  // For people, and into the same ledger.
  const people = startCommand(t, ['simulate', 'fleet', ...args])
  const text: string[] = []
  for (let next = await people.lines.next(); next.done !== true; next = await people.lines.next()) text.push(next.value)
  t.equal(await people.exited, 0, people.errors())
  t.match(text.join('\n'), /5 phones \(seed \d+\)[^]*due +15\n[^]*p99[^]*left over +0/)
  t.equal(readFileSync(ledger, 'utf8').trim().split('\n').length, 30)
})

t.test('it ends with 1 when phones are not let in', async (t) => {
  const api = await startTestApi(t)
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { exited, errors } = startCommand(t, ['simulate', 'fleet', '--api', url, '--enrollment-token', 'wrong', '--phones', '1'])
  t.equal(await exited, 1)
  t.match(errors(), /could not enrol at http.*401/)
})

t.test('every fault of the options is named', async (t) => {
  t.throws(() => toFleetOptions({ phones: 0, rate: NaN, speed: 0, api: 'ftp://x' }), { message: /^--api .*\n--enrollment-token .*\n--phones .*\n--rate .*\n--speed .*$/ })
  await t.rejects(runSimulateFleet({ seedDatabase: 3, api: 'http://x', rate: 3 }, {}), { message: '--api cannot go with --seed-database\n--rate cannot go with --seed-database' })
  await t.rejects(runSimulateFleet({ api: 'http://x', enrollmentToken: 'x', dataDir: 'x', tenant: 'x' }, {}), { message: '--tenant goes with --seed-database only\n--data-dir goes with --seed-database only' })
  t.match(toFleetOptions({ api: 'https://mtd.example/', enrollmentToken: 'x' }), { api: 'https://mtd.example', phones: 100, rate: 10, seconds: 60, speed: 1, drainSeconds: 60, seed: Number })
})

t.test('left over, refused or taken twice is not clean', async (t) => {
  const clean = { leftOver: 0, refused: {}, repeated: 2, recognised: 2 } as unknown as FleetResult
  t.equal(isClean(clean), true)
  for (const fault of [{ leftOver: 1 }, { refused: { 400: 1 } }, { recognised: 1 }]) t.equal(isClean({ ...clean, ...fault }), false)
})
