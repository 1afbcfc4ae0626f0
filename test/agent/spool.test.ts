import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { FileSpool } from '../../src/agent/file-spool.js'
import { MemorySpool, type Spool } from '../../src/agent/spool.js'
import type { Report } from '../../src/telemetry/report.js'

const report = (sequence: number, rest: Partial<Report> = {}): Report => ({ reportId: randomUUID(), sequence, collectedAt: '2026-11-23T08:00:00Z', ...rest })
const withEvent = (sequence: number): Report => report(sequence, { events: [{ eventId: 'e', type: 'captive-portal', at: '2026-11-23T08:00:00Z' }] })
const sequencesOf = async (spool: Spool): Promise<number[]> => (await spool.peek(1_000)).map((one) => one.report.sequence)

async function folderOf (t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport spool '))
  t.teardown(async () => await rm(folder, { recursive: true, force: true }))
  return join(folder, 'spool')
}

for (const [name, open] of Object.entries({
  'in memory': async (_t: Test, limits?: { reports: number, bytes: number }) => new MemorySpool(limits),
  'in a folder': async (t: Test, limits?: { reports: number, bytes: number }) => await FileSpool.open(await folderOf(t), limits)
})) {
  t.test(`a spool ${name} keeps reports in order until they are removed`, async (t) => {
    const spool = await open(t)
    const reports = [report(1), report(2), report(3)]
    for (const one of reports) t.strictSame(await spool.add(one), [])
    t.strictSame([spool.size, spool.lastSequence], [3, 3])
    t.strictSame((await spool.peek(2)).map((one) => one.report), reports.slice(0, 2))
    await spool.remove([reports[0]!.reportId, randomUUID()])
    t.strictSame(await sequencesOf(spool), [2, 3])
  })

  t.test(`a full spool ${name} gives up old states before events, and never the newest`, async (t) => {
    const spool = await open(t, { reports: 3, bytes: 1_000_000 })
    for (const one of [withEvent(1), report(2), report(3)]) await spool.add(one)
    t.strictSame((await spool.add(report(4))).map(({ sequence }) => sequence), [2])
    t.strictSame((await spool.add(withEvent(5))).map(({ sequence }) => sequence), [3])
    t.strictSame((await spool.add(withEvent(6))).map(({ sequence }) => sequence), [4])
    t.strictSame((await spool.add(report(7))).map(({ sequence }) => sequence), [1], 'only events are left')
    t.strictSame(await sequencesOf(spool), [5, 6, 7])
  })

  t.test(`a spool ${name} is bounded in bytes`, async (t) => {
    const spool = await open(t, { reports: 100, bytes: 400 })
    for (let sequence = 1; sequence <= 20; sequence++) await spool.add(report(sequence))
    const kept = await spool.peek(100)
    t.ok(kept.reduce((sum, { bytes }) => sum + bytes, 0) <= 400 && kept.length > 1, `${kept.length} reports`)
    t.equal(kept.at(-1)!.report.sequence, 20)
  })
}

t.test('what was kept in a folder is there after a start anew, and nothing half written', async (t) => {
  const folder = await folderOf(t)
  const first = await FileSpool.open(folder)
  const reports = [report(9), report(10), report(11)]
  for (const one of reports) await first.add(one)
  await first.remove([reports[1]!.reportId])
  await writeFile(join(folder, `${'0'.repeat(15)}9-${randomUUID()}.json.new`), '{"reportId":"')
  const again = await FileSpool.open(folder)
  t.strictSame((await again.peek(10)).map((one) => one.report), [reports[0], reports[2]])
  t.strictSame((await readdir(folder)).filter((one) => one.endsWith('.new')), [])
  t.equal((await stat(join(folder, (await readdir(folder))[0]!))).mode & 0o077, 0, 'nobody else can read it')
})

t.test('a file that a failing disk spoilt keeps nobody from his reports', async (t) => {
  const folder = await folderOf(t)
  const first = await FileSpool.open(folder)
  for (const one of [report(1), report(2)]) await first.add(one)
  const [name] = (await readdir(folder)).sort()
  await writeFile(join(folder, name!), '{"report')
  const again = await FileSpool.open(folder)
  t.strictSame([await sequencesOf(again), again.unreadable], [[2], [name]])
  t.ok((await readdir(folder)).includes(`${name}.unreadable`), 'put aside')
})

t.test('no order of adding, removing and dying loses or doubles a report', async (t) => {
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`FC_SEED=${seed}`)
  const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.constant('remove' as const), fc.constant('die' as const), fc.constant('tear' as const)), { maxLength: 25 })
  await fc.assert(fc.asyncProperty(steps, async (all) => {
    const folder = join(await mkdtemp(join(tmpdir(), 'sallyport spool ')), 'spool')
    try {
      let spool = await FileSpool.open(folder)
      let model: Report[] = []
      let sequence = 0
      for (const step of all) {
        if (step === 'add') {
          const one = report(++sequence)
          await spool.add(one)
          model.push(one)
        } else if (step === 'remove' && model.length > 0) {
          await spool.remove([model[0]!.reportId])
          model = model.slice(1)
        } else if (step === 'tear') {
          await writeFile(join(folder, `${String(sequence + 1).padStart(16, '0')}-${randomUUID()}.json.new`), '{')
        } else if (step === 'die') {
          spool = await FileSpool.open(folder)
        }
        const kept = (await spool.peek(1_000)).map((one) => one.report)
        if (JSON.stringify(kept) !== JSON.stringify(model)) return false
      }
      return true
    } finally {
      await rm(join(folder, '..'), { recursive: true })
    }
  }), { seed, numRuns: 40 })
})
