import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorCodes, type FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { DatabaseUnavailableError, InvalidInputError, OverloadedError } from '../../errors.js'
import type { Metrics } from '../../platform/metrics.js'
import type { Journal } from '../../telemetry/journal.js'
import { parseReports } from '../../telemetry/parse-report.js'
import { ReportSchema, REPORT_LIMITS, STATE_SECTIONS, type Report } from '../../telemetry/report.js'
import '../agent-request.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON text of the body, when the parsed body says the same. */
    sentText?: string | undefined
  }
}

export interface TelemetryRoutesOptions {
  readonly journal: Pick<Journal, 'append'>
  readonly metrics?: Pick<Metrics, 'reports' | 'acceptSeconds'>
}

const Resend = Type.Array(Type.Enum([...STATE_SECTIONS]), { description: 'Sections to send whole in the next report: the server does not have their base, or was put back to before they were said.' })

export const ReceiptSchema = Type.Object({
  reportId: Type.String(),
  status: Type.Enum(['accepted', 'duplicate', 'stale']),
  resend: Resend
})

const MAX_ERRORS = 50
const BatchItems = Type.Array(Type.Unknown(), { minItems: 1, maxItems: REPORT_LIMITS.batchReports })
export const BatchBodySchema = Type.Union([Type.Object({ reports: BatchItems }), BatchItems], {
  description: 'Up to 100 reports, each as for POST /v1/telemetry; each is checked and answered on its own.'
})
export const BatchReplySchema = Type.Object({
  results: Type.Array(Type.Object({
    reportId: Type.Union([Type.String(), Type.Null()]),
    status: Type.Enum(['accepted', 'duplicate', 'stale', 'rejected']),
    resend: Resend,
    error: Type.Optional(Type.Object({
      status: Type.Integer(),
      code: Type.String(),
      detail: Type.String(),
      errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
    }))
  }), { description: 'One for each report, in their order.' })
})
type BatchResult = Static<typeof BatchReplySchema>['results'][number]

/** `POST /v1/telemetry` and `/v1/telemetry/batch`. Register under `/v1`, behind the agents' authentication. */
export const telemetryRoutes: FastifyPluginAsyncTypebox<TelemetryRoutesOptions> = async (app, { journal, metrics }) => {
  // Sentinels leave before the validation sees them, and are looked for in the text, which is cheap.
  app.removeContentTypeParser('application/json')
  app.decorateRequest('sentText', undefined)
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') {
      done(new errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY())
      return
    }
    try {
      const { value, isAsSent } = parseReports(body as string)
      if (isAsSent) request.sentText = body as string
      done(null, value)
    } catch (error) {
      done(error instanceof SyntaxError ? new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY() : error as Error)
    }
  })

  app.post('/telemetry', {
    config: { access: 'agent' },
    schema: {
      operationId: 'sendReport',
      summary: 'Send a report',
      description: 'Answered once the report is committed. Absent sections and fields mean unknown.',
      tags: ['agents'],
      security: [{ accessToken: [] }],
      body: ReportSchema,
      response: { 202: ReceiptSchema }
    }
  }, async (request, reply) => {
    const startedAt = performance.now()
    const receipt = await journal.append({ ...request.device, report: request.body, text: request.sentText })
    metrics?.reports.inc({ status: receipt.status })
    metrics?.acceptSeconds.observe((performance.now() - startedAt) / 1000)
    reply.code(202)
    return receipt as Static<typeof ReceiptSchema>
  })

  app.post('/telemetry/batch', {
    config: { access: 'agent' },
    schema: {
      operationId: 'sendReports',
      summary: 'Send reports collected while offline',
      description: '202 when every report was taken, 207 when some were not: look at each result.',
      tags: ['agents'],
      security: [{ accessToken: [] }],
      body: BatchBodySchema,
      response: { 202: BatchReplySchema, 207: BatchReplySchema }
    }
  }, async (request, reply) => {
    const startedAt = performance.now()
    const reports: unknown[] = Array.isArray(request.body) ? request.body : request.body.reports
    const outcomes = await Promise.all(reports.map(async (report) => await takeReport(journal, request, report)))
    // Nothing was taken for a reason that passes: let the agent keep the batch and come again.
    const [first] = outcomes
    if (isPassing(first?.error) && outcomes.every(({ error }) => isPassing(error))) throw first.error

    metrics?.acceptSeconds.observe((performance.now() - startedAt) / 1000)
    for (const { result } of outcomes) metrics?.reports.inc({ status: result.status })
    reply.code(outcomes.every(({ error }) => error === undefined) ? 202 : 207)
    return { results: outcomes.map(({ result }) => result) }
  })
}

/** One report of a batch: its own answer, whatever happens to the others. */
async function takeReport (journal: Pick<Journal, 'append'>, request: FastifyRequest, report: unknown): Promise<{ result: BatchResult, error?: unknown }> {
  try {
    requireReport(request, report)
    return { result: await journal.append({ ...request.device, report }) as BatchResult }
  } catch (error) {
    const result: BatchResult = { reportId: reportIdOf(report), status: 'rejected', resend: [], error: toReportError(error) }
    if (result.error!.status >= 500) request.log.error({ err: error }, 'a report of a batch could not be taken')
    return { result, error }
  }
}

function requireReport (request: FastifyRequest, report: unknown): asserts report is Report {
  const validate = request.getValidationFunction(ReportSchema) ?? request.compileValidationSchema(ReportSchema)
  if (validate(report as Record<string, unknown>)) return
  const faults = (validate.errors ?? []).slice(0, MAX_ERRORS).map(({ instancePath, message, params }) => ({
    path: typeof params?.missingProperty === 'string' ? `${instancePath}/${params.missingProperty}` : instancePath,
    message: message ?? 'is not valid'
  }))
  throw new InvalidInputError(faults, 'The report')
}

function reportIdOf (report: unknown): string | null {
  return report !== null && typeof report === 'object' && 'reportId' in report && typeof report.reportId === 'string' ? report.reportId.slice(0, 64) : null
}

/** What kept one of several reports from being taken, for its own place in the answer. */
export function toReportError (error: unknown): NonNullable<BatchResult['error']> {
  const { statusCode = 500, code = 'internal', message } = error as { statusCode?: number, code?: string, message: string }
  // What went wrong inside is not for callers.
  if (statusCode >= 500 && !isPassing(error)) return { status: 500, code: 'internal', detail: 'The report could not be stored.' }
  return { status: statusCode, code: code.toLowerCase(), detail: message, ...(error instanceof InvalidInputError ? { errors: [...error.faults] } : {}) }
}

/** The same again may work later: nothing is wrong with the report. */
export const isPassing = (error: unknown): error is Error => error instanceof OverloadedError || error instanceof DatabaseUnavailableError
