import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import t from 'tap'
import { LONGEST_DELAY_MS, FIRST_DELAY_MS } from '../../src/agent/backoff.js'
import { SPOOL_LIMITS } from '../../src/agent/spool.js'
import { BatchBodySchema } from '../../src/http/routes/telemetry.js'
import { EnrollBodySchema } from '../../src/http/routes/enrollment.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { ReportSchema, REPORT_LIMITS } from '../../src/telemetry/report.js'

const page = readFileSync(join(packageRoot, 'docs/agent-protocol.md'), 'utf8')
const examples = [...page.matchAll(/```json\nPOST (\S+)\n([\s\S]*?)```/g)].map(([, path, body]) => ({ path: path!, body: JSON.parse(body!) as Record<string, unknown> }))
const ajv = new Ajv({ strict: false })
addFormats.default(ajv)

t.test('the examples are what the API takes', async (t) => {
  const schemas: Readonly<Record<string, object>> = { '/v1/enroll': EnrollBodySchema, '/v1/telemetry': ReportSchema, '/v1/telemetry/batch': BatchBodySchema }
  t.ok(examples.length >= 4)
  for (const { path, body } of examples) {
    t.ok(ajv.validate(schemas[path]!, body), `${path}: ${ajv.errorsText()}`)
    for (const report of (body['reports'] ?? []) as object[]) t.ok(ajv.validate(ReportSchema, report), ajv.errorsText())
  }
  t.notOk(ajv.validate(ReportSchema, { ...examples[1]!.body, sequence: 'x' }), 'the test can tell')
})

t.test('the numbers are the code\'s', async (t) => {
  for (const text of [
    `at most ${REPORT_LIMITS.batchReports} reports and ${REPORT_LIMITS.sentBytes / 1024 / 1024} MiB`,
    `${SPOOL_LIMITS.reports.toLocaleString('en')} reports or ${SPOOL_LIMITS.bytes / 1024 / 1024} MiB`,
    `from ${FIRST_DELAY_MS / 1000} s to an hour`
  ]) t.ok(page.includes(text), text)
  t.equal(LONGEST_DELAY_MS, 60 * 60 * 1000)
})
