import t from 'tap'
import { createValidatorCompiler } from '../../../src/http/validator.js'
import { createAppCatalogue } from '../../../src/simulator/fleet/app-catalogue.js'
import { LivingPhone } from '../../../src/simulator/fleet/living-phone.js'
import { ANDROID_MODELS, IOS_MODELS } from '../../../src/simulator/fleet/phone-models.js'
import { MISCONFIGURATION_RATES, OS_VERSIONS } from '../../../src/simulator/fleet/rates.js'
import { REALISTIC_MIX } from '../../../src/simulator/fleet/simulated-phone.js'
import { digestApps } from '../../../src/telemetry/app-digest.js'
import { type App, type Report, ReportSchema } from '../../../src/telemetry/report.js'

const NOW_MS = Date.parse('2026-11-23T08:00:00Z')
const catalogues = { android: createAppCatalogue('android', 1), ios: createAppCatalogue('ios', 2) }
const makePhone = (index: number, fleetSeed = 1): LivingPhone => new LivingPhone({ catalogues, fleetSeed, index, nowMs: NOW_MS })

/** Without what is new in each run. */
const story = (report: Report): unknown => JSON.parse(JSON.stringify({ ...report, reportId: null, collectedAt: null }, (key, value) => key === 'at' || key === 'eventId' || key === 'endedAt' ? null : value))

t.test('phones are set up as badly as those of a usual fleet', async (t) => {
  const count = 4_000
  const reports = Array.from({ length: count }, (_, index) => makePhone(index, 20_261_123).nextReport(9))
  const outdated: readonly string[] = [...OS_VERSIONS.android.outdated, ...OS_VERSIONS.ios.outdated]
  const oldPatch = new Date(NOW_MS - 180 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10)
  const itemsOf = ({ apps }: Report): readonly App[] => apps?.mode === 'snapshot' ? apps.items : []
  for (const [name, is] of Object.entries({
    outdatedOs: ({ os }: Report) => outdated.includes(os!.version!),
    noScreenLock: ({ config }: Report) => config!.passcodeSet === false,
    oldPatchLevel: ({ os }: Report) => os!.securityPatchLevel !== undefined && os!.securityPatchLevel < oldPatch,
    sideloadedApp: (report: Report) => itemsOf(report).some(({ system, installer, fromAppStore }) => system === false && (installer === null || fromAppStore === false))
  } satisfies Record<keyof typeof MISCONFIGURATION_RATES, (report: Report) => boolean>)) {
    const expected = MISCONFIGURATION_RATES[name as keyof typeof MISCONFIGURATION_RATES]
    const share = reports.filter(is).length / count
    // Four standard deviations of so many phones: 3.1 points at 37.7%, 0.9 at 2.2%.
    t.ok(Math.abs(share - expected) < 4 * Math.sqrt(expected * (1 - expected) / count), `${name}: ${share}, not ${expected}`)
  }
  t.ok(reports.every((report) => itemsOf(report).length === 150))
})

t.test('a phone is a real model on a version that runs on it', async (t) => {
  const seen = new Set<string>()
  for (let index = 0; index < 1_000; index++) {
    const { platform, manufacturer, model, osVersion } = makePhone(index).description
    const line = [...ANDROID_MODELS, ...IOS_MODELS].find((one) => one.model === model)!
    seen.add(`${platform} ${manufacturer}`)
    const number = Number.parseInt(osVersion!)
    if (line.platform !== platform || line.manufacturer !== manufacturer || number < line.oldestOs || number > line.newestOs) t.fail(`${manufacturer} ${model} with ${platform} ${osVersion}`)
  }
  for (const kind of ['ios Apple', 'ipados Apple', 'android samsung', 'android Google', 'android Xiaomi']) t.ok(seen.has(kind), kind)
})

t.test('the same seed makes the same lives, under other ids', async (t) => {
  const live = (phone: LivingPhone): string => JSON.stringify(Array.from({ length: 30 }, (_, hour) => story(phone.nextReport(hour % 24))))
  const [here, again, other] = [makePhone(3), makePhone(3), makePhone(4)]
  t.not(here.description.entraDeviceId, again.description.entraDeviceId)
  t.strictSame({ ...here.description, entraDeviceId: '' }, { ...again.description, entraDeviceId: '' })
  const first = live(here)
  t.ok(first === live(again))
  t.ok(first !== live(other))
})

t.test('every report is one that the API takes, and every delta starts from what was sent', async (t) => {
  const validate = createValidatorCompiler()({ schema: ReportSchema, method: 'POST', url: '/', httpPart: 'body' })
  const kinds = { upsert: 0, remove: 0 }
  for (let index = 0; index < 12; index++) {
    const phone = makePhone(index, 5)
    const apps = new Map<string, App>()
    for (let sequence = 1; sequence <= 120; sequence++) {
      const report = phone.nextReport(sequence % 24)
      if (validate(report) !== true || report.sequence !== sequence) t.fail(`report ${sequence} of phone ${index}: ${JSON.stringify(validate.errors)}`)
      if (report.apps?.mode === 'snapshot') {
        apps.clear()
        for (const app of report.apps.items) apps.set(app.appId, app)
      } else if (report.apps !== undefined) {
        if (report.apps.baseDigest !== digestApps(apps.values())) t.fail(`the base of report ${sequence} of phone ${index}`)
        for (const app of report.apps.upsert ?? []) apps.set(app.appId, app)
        for (const appId of report.apps.remove ?? []) t.ok(apps.delete(appId), 'it was there')
        kinds.upsert += report.apps.upsert?.length ?? 0
        kinds.remove += report.apps.remove?.length ?? 0
      }
    }
  }
  t.ok(kinds.upsert > 50 && kinds.remove > 5, JSON.stringify(kinds))
})

t.test('what the server asks for, the next report brings whole, once', async (t) => {
  for (let index = 0; index < 40; index++) {
    const phone = makePhone(index, 9)
    phone.nextReport(9)
    phone.owe(['apps', 'hardware', 'files'])
    const report = phone.nextReport(9)
    t.match(report, { apps: { mode: 'snapshot' }, hardware: { model: phone.description.model } })
    t.notOk('files' in report, 'what it never had it does not make up')
    t.notOk('hardware' in phone.nextReport(9))
  }
})

t.test('the mix is the realistic one, and places change with the hour', async (t) => {
  const counts = { heartbeat: 0, appUpdate: 0, events: 0, snapshot: 0 }
  const officeShare = (hour: number): number => {
    let networks = 0
    let office = 0
    for (let index = 0; index < 100; index++) {
      const phone = makePhone(index, 11)
      phone.nextReport(hour)
      for (let nth = 0; nth < 20; nth++) {
        const { apps, events, network } = phone.nextReport(hour)
        counts[apps?.mode === 'snapshot' ? 'snapshot' : apps?.mode === 'delta' ? 'appUpdate' : events === undefined ? 'heartbeat' : 'events'] += 1
        networks += network === undefined ? 0 : 1
        office += network?.wifi?.security === 'enterprise' ? 1 : 0
      }
    }
    return office / networks
  }
  t.ok(officeShare(11) > 0.5)
  t.equal(officeShare(3), 0)
  for (const [kind, share] of Object.entries(REALISTIC_MIX)) {
    const is = counts[kind as keyof typeof counts] / 4_000
    t.ok(Math.abs(is - share) < 4 * Math.sqrt(share * (1 - share) / 4_000), `${kind}: ${is}`)
  }
})
