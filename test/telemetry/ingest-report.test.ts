import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { build, buildBinary } from 'plist'
import t from 'tap'
import { fromAndroidManagement } from '../../src/telemetry/adapters/android-management.js'
import { fromAndroidQfFolder, ANDROIDQF_FILE_NAMES } from '../../src/telemetry/adapters/androidqf-folder.js'
import type { Translation } from '../../src/telemetry/adapters/translation.js'
import { readDocument, VOCABULARIES } from '../../src/telemetry/ingest-document.js'
import { toReport } from '../../src/telemetry/ingest-report.js'
import { InvalidInputError } from '../../src/errors.js'

const OPTIONS = { vocabulary: 'androidqf', deviceId: '5f4cf1a2-6d5c-4b7e-9a38-2a1f0c9be001', receivedAt: new Date('2026-11-23T08:00:00Z') }
const translation = (sections: object, more: Partial<Translation> = {}): Translation => ({ phone: {}, sections, skipped: [], content: sections, ...more })

t.test('the same content of the same phone has the same id, anything else another', async (t) => {
  const idOf = (change: Partial<Translation> = {}, options: object = {}): string => toReport(translation({ processes: ['a'] }, change), { ...OPTIONS, ...options }).report.reportId
  t.match(idOf(), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'RFC 9562, version 8')
  t.equal(idOf(), idOf({}, { receivedAt: new Date() }), 'whenever it comes')
  t.equal(idOf({ content: { a: 1, b: 2 } }), idOf({ content: { b: 2, a: 1 } }), 'in whatever order its members are')
  t.equal(new Set([idOf(), idOf({ content: 1 }), idOf({ collectedAt: '2026-01-01T00:00:00.000Z' }), idOf({}, { vocabulary: 'apple-mdm' }), idOf({}, { deviceId: 'x' }), idOf({}, { collectedAt: '2026-01-02T00:00:00.000Z' })]).size, 6)
})

t.test('the content\'s own time counts, then the sender\'s, then the receipt', async (t) => {
  const at = (change: Partial<Translation>, collectedAt?: string): unknown => {
    const { report } = toReport(translation({ processes: [] }, change), { ...OPTIONS, collectedAt })
    t.equal(report.sequence, Date.parse(report.collectedAt))
    return report.collectedAt
  }
  t.equal(at({ collectedAt: '2026-01-01T00:00:00.000Z' }, '2026-01-02T00:00:00.000Z'), '2026-01-01T00:00:00.000Z')
  t.equal(at({}, '2026-01-02T00:00:00.000Z'), '2026-01-02T00:00:00.000Z')
  t.equal(at({}), '2026-11-23T08:00:00.000Z')
})

t.test('leaves out what a report cannot hold, and says so', async (t) => {
  const long = 'x'.repeat(2_049)
  const { report, skipped } = toReport(translation({
    os: { version: long, build: 'B' },
    hardware: { model: long },
    network: { proxy: { host: 'h', port: 70_000 } },
    apps: { mode: 'snapshot', items: [{ appId: 'a', version: long }, { appId: 'x'.repeat(513) }, { appId: 'b', permissions: ['p', long, 'q'] }] },
    processes: ['p', long, 'unknown', 'q', long],
    files: [{ path: long }, { path: '/x' }],
    properties: { a: 'b', [`k${long}`]: 'v', c: long }
  }), OPTIONS)
  t.match(report, { os: { build: 'B' }, network: { proxy: { host: 'h' } }, apps: { items: [{ appId: 'a' }, { appId: 'b', permissions: ['p', 'q'] }] }, properties: { a: 'b' } })
  t.strictSame(report.processes, ['p', 'q'])
  t.strictSame(Object.keys((report.apps as { items: object[] }).items[0]!), ['appId'])
  t.notOk(report.hardware)
  const reasons = skipped.map(({ reason, count }) => `${count} ${reason}`)
  t.ok(reasons.includes('2 processes: a value must NOT have more than 2048 characters'), reasons.join('\n'))
  t.ok(reasons.some((reason) => reason.includes('network: a value must be <= 65535')), 'port')
})

t.test('a list that lost all it had says nothing, and a report without sections is none', async (t) => {
  t.throws(() => toReport(translation({ apps: { mode: 'snapshot', items: [{ appId: 'x'.repeat(513) }] } }), OPTIONS), { code: 'validation', faults: [{ message: /apps: a value/ }] })
  t.throws(() => toReport(translation({ processes: ['unknown'] }), OPTIONS), { code: 'validation' })
  t.throws(() => toReport(translation({ os: { version: 'unknown' } }), OPTIONS), { code: 'validation' })
  t.throws(() => toReport(translation({}, { skipped: [{ reason: 'a reason', count: 1, examples: [] }] }), OPTIONS), { faults: [{ message: 'a reason' }], code: 'validation' })
  const properties = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`p${index}`, 'x'.repeat(2_000)]))
  t.throws(() => toReport(translation({ properties }), OPTIONS), { code: 'validation', faults: [{ message: /at most 8388608 bytes/ }] }, 'larger than an agent\'s may be')
  t.strictSame(toReport(translation({ processes: [], apps: { mode: 'snapshot', items: [] } }), OPTIONS).report.processes, [], 'known to be empty')
})

t.test('reads a form by its first bytes, and refuses what the vocabulary does not have', async (t) => {
  const answer = { QueryResponses: { OSVersion: '18.1', SerialNumber: 'S' } }
  for (const body of [Buffer.from(JSON.stringify(answer)), Buffer.from(`\uFEFF ${JSON.stringify(answer)}`), Buffer.from(build(answer)), Buffer.from(buildBinary(answer)), gzipSync(build(answer))]) {
    t.match(await readDocument('apple-mdm', body), { phones: [{ phone: { serialNumber: 'S' }, sections: { os: { version: '18.1' } } }] })
  }
  const refused = async (vocabulary: typeof VOCABULARIES[number], body: Buffer, message: RegExp): Promise<void> => {
    await t.rejects(readDocument(vocabulary, body), { code: 'validation', faults: [{ message }] }, String(message))
  }
  await refused('androidqf', Buffer.from(build(answer)), /which only apple-mdm and mvt take/)
  await refused('apple-mdm', Buffer.from([0x50, 0x4b, 0x05, 0x06, ...Buffer.alloc(18)]), /which only androidqf and mvt take/)
  await refused('apple-mdm', Buffer.alloc(0), /must not be empty/)
  await refused('apple-mdm', gzipSync(gzipSync('x')), /gzip in gzip/)
  await refused('apple-mdm', Buffer.from('bplist00'), /is no property list/)
  await refused('apple-mdm', Buffer.from('<plist><dict>'), /is no property list/)
  await refused('intune-app-sync', Buffer.from('{'), /is not JSON/)
  await refused('intune-app-sync', Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)), /must not nest deeper/)
  await refused('android-management-api', Buffer.from(`{"devices":[${'{},'.repeat(1_000_000)}{}]}`), /at most 1000000 lists and objects/)
  await refused('apple-mdm', Buffer.from(`<plist><array>${'<dict/>'.repeat(400_000)}</array></plist>`), /at most 400000 tags/)
  await refused('apple-mdm', Buffer.from(`<plist>${' '.repeat(8 * 1024 * 1024)}</plist>`), /at most 8388608 bytes/)
  await refused('apple-mdm', Buffer.from(`<plist>${'<array>'.repeat(200)}${'</array>'.repeat(200)}</plist>`), /must not nest deeper|is no property list/)
})

/** JSON in which the vendors' keys turn up, with whatever values. */
const KEYS = ['devices', 'name', 'softwareInfo', 'androidVersion', 'deviceSettings', 'securityPosture', 'devicePosture', 'postureDetails', 'applicationReports', 'packageName', 'signingKeyCertFingerprints', 'systemProperties', 'QueryResponses', 'SecurityInfo', 'InstalledApplicationList', 'Identifier', 'ProfileList', 'PayloadContent', 'CertificateList', 'Data', 'UDID', 'apps', 'value', 'appId', 'packages.json', 'getprop.txt', 'files.json', 'selinux.txt', 'acquisition.json', '__proto__', 'constructor', 'toJSON']
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof({ depthSize: 'medium' },
    fc.constantFrom(null, true, false, 0, -1, 1e300, '', 'unknown', 'SECURE', 'x'.repeat(3_000), 'a', '[{"name":5}]', '[1]', '{}'),
    fc.string({ unit: 'binary' }), fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie('json'), { maxKeys: 6 }))
}))

t.test('whatever JSON comes, it is a valid report or one of our errors, and never a section from nothing', async (t) => {
  const seed = Date.now()
  t.comment(`seed ${seed}`)
  let reports = 0
  for (const vocabulary of VOCABULARIES) {
    await fc.assert(fc.asyncProperty(json, async (value) => {
      try {
        const { phones } = await readDocument(vocabulary, Buffer.from(JSON.stringify(value)))
        for (const phone of phones) {
          if (phone.fault !== undefined) continue
          for (const [section, said] of Object.entries(phone.sections)) if (!Array.isArray(said) && Object.keys(said).length === 0 && section !== 'properties') return false
          toReport(phone, { ...OPTIONS, vocabulary })
          reports++
        }
      } catch (error) {
        if (!(error instanceof InvalidInputError)) throw error
      }
      return true
    }), { seed, numRuns: 400 })
  }
  t.ok(reports > 0, `${reports} reports`)
  for (const bytes of fc.sample(fc.uint8Array({ maxLength: 600 }), { seed, numRuns: 300 })) {
    await readDocument('apple-mdm', Buffer.from([...Buffer.from('bplist00'), ...bytes])).catch((error: unknown) => { if (!(error instanceof InvalidInputError)) throw error })
    await readDocument('androidqf', Buffer.from(bytes)).catch((error: unknown) => { if (!(error instanceof InvalidInputError)) throw error })
  }
})

t.test('what is left out of a Device is left out of the report', async (t) => {
  const full = {
    name: 'd', apiLevel: 35, softwareInfo: { androidVersion: '15' }, hardwareInfo: { model: 'P' }, deviceSettings: { isDeviceSecure: true }, managementMode: 'DEVICE_OWNER',
    securityPosture: { devicePosture: 'SECURE' }, systemProperties: { a: 'b' }, applicationReports: [{ packageName: 'a' }]
  }
  const whole = fromAndroidManagement(full).phones[0]!.sections as Record<string, unknown>
  fc.assert(fc.property(fc.subarray(Object.keys(full).filter((key) => key !== 'name')), (keys) => {
    const part = fromAndroidManagement({ name: 'd', ...Object.fromEntries(keys.map((key) => [key, full[key as keyof typeof full]])) }).phones[0]!.sections
    for (const [section, said] of Object.entries(part)) for (const [field, value] of Object.entries(said)) t.strictSame(value, (whole[section] as Record<string, unknown>)[field])
    return keys.length > 0 || Object.keys(part).length === 0
  }), { seed: Date.now(), numRuns: 50 })
})

t.test('an AndroidQF file that cannot be read leaves the others', async (t) => {
  const { sections, skipped } = fromAndroidQfFolder(new Map([['packages.json', '[{'], ['root_binaries.json', '["/system/bin/su"]'], ['files.json', '{}'], ['acquisition.json', 'x'], ['selinux.txt', 'Enforcing']]))
  t.strictSame(sections, { integrity: { rootBinaries: ['/system/bin/su'] }, config: { selinux: 'enforcing' } })
  t.strictSame(skipped.map(({ reason }) => reason), ['packages.json is not JSON', 'files.json must be a list', 'acquisition.json is not JSON'])
  t.notOk(fromAndroidQfFolder(new Map([['packages.json', '[]']])).sections.apps, 'no phone is without apps')
  t.notOk(fromAndroidQfFolder(new Map([['acquisition.json', '{"completed":"0001-01-01T00:00:00Z"}']])).collectedAt, 'Go\'s time that never was')
  const many = JSON.stringify([...Array.from({ length: 5_000 }, (_, index) => ({ path: `/system/${index}` })), { path: '/data/local/tmp/x', sha256: 'ab' }])
  const { sections: { files }, skipped: [told] } = fromAndroidQfFolder(new Map([['files.json', many]]))
  t.equal(files!.length, 5_000)
  t.strictSame(files![0], { path: '/data/local/tmp/x', sha256: 'ab' })
  t.match(told, { reason: /more than 5000 files/ })
  t.ok(ANDROIDQF_FILE_NAMES.size >= 12)
})
