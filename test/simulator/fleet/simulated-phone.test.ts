import t from 'tap'
import { createFleet } from '../../../src/simulator/fleet/create-fleet.js'
import { createValidatorCompiler } from '../../../src/http/validator.js'
import { digestApps } from '../../../src/telemetry/app-digest.js'
import { type App, type Report, ReportSchema } from '../../../src/telemetry/report.js'

const kindOf = ({ apps, events }: Report): string => apps?.mode === 'snapshot' ? 'snapshot' : apps?.mode === 'delta' ? 'appUpdate' : events === undefined ? 'heartbeat' : 'events'

t.test('the same seed makes the same fleet', async (t) => {
  // As text: comparing so many apps one by one takes minutes.
  const life = (seed: number): string => JSON.stringify(createFleet({ phones: 5, seed }).map((phone) =>
    [phone.description, ...Array.from({ length: 20 }, () => ({ ...phone.nextReport(), collectedAt: null, events: null }))]))
  const [first, again, other] = [life(7), life(7), life(8)]
  t.ok(first === again)
  t.ok(first !== other)
})

t.test('every report is one that the API takes', async (t) => {
  const validate = createValidatorCompiler()({ schema: ReportSchema, method: 'POST', url: '/', httpPart: 'body' })
  for (const phone of createFleet({ phones: 10, seed: 1 })) {
    const reports = [phone.firstReport(), ...Array.from({ length: 30 }, () => phone.nextReport())]
    t.ok(reports.every((report) => validate(report) === true), phone.description.platform)
    t.strictSame(reports.map(({ sequence }) => sequence), reports.map((_, index) => index + 1))
  }
})

t.test('app updates start from the digest that the server computes', async (t) => {
  for (const phone of createFleet({ phones: 6, seed: 3 })) {
    const first = phone.firstReport()
    const apps = new Map<string, App>()
    let updates = 0
    for (let report: Report = first; updates < 5; report = phone.nextReport()) {
      const section = report.apps
      if (section === undefined) continue
      if (section.mode === 'snapshot') {
        apps.clear()
        for (const app of section.items) apps.set(app.appId, app)
        t.equal(apps.size, 150)
      } else {
        t.equal(section.baseDigest, digestApps(apps.values()))
        for (const app of section.upsert ?? []) apps.set(app.appId, app)
        updates += 1
      }
    }
  }
})

t.test('the mix is the realistic one', async (t) => {
  const counts: Record<string, number> = {}
  const total = 4_000
  for (const phone of createFleet({ phones: 40, seed: 5 })) {
    phone.firstReport()
    for (let n = 0; n < total / 40; n++) {
      const kind = kindOf(phone.nextReport())
      counts[kind] = (counts[kind] ?? 0) + 1
    }
  }
  const share = (kind: string): number => (counts[kind] ?? 0) / total
  t.ok(Math.abs(share('heartbeat') + share('appUpdate') - 0.8) < 0.03, JSON.stringify(counts))
  t.ok(Math.abs(share('events') - 0.15) < 0.03)
  t.ok(Math.abs(share('snapshot') - 0.05) < 0.02)
})
