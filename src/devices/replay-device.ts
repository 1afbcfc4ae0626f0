import type { IntelView } from '../intel/intel-view.js'
import { ConflictError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { assess } from '../risk/assess.js'
import { canonicalJson } from '../telemetry/canonical-json.js'
import { EMPTY_STATE } from '../telemetry/device-state.js'
import { isWhole, listScoredReports } from '../telemetry/journal-groups.js'
import { createAppInventories } from './app-inventories.js'
import { MAX_REPORT_BYTES } from './export-device.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'
import { judgeDevice } from './judge-device.js'
import { createTenantRules } from './rules/tenant-rules.js'
import { lockDevices } from './score-repository.js'

/** What a phone's kept reports say when they are judged once more, beside what is stored. */
export interface Replay {
  readonly deviceId: string
  readonly reports: number
  /** False: the oldest reports have left the journal, so a difference may come from what they said. */
  readonly whole: boolean
  readonly same: boolean
  /** Both answers in canonical JSON (RFC 8785), level, score and findings, without ids. */
  readonly stored: string
  readonly replayed: string
}

export interface ReplayDeps {
  readonly db: Database
  /** Reads the journal, whose groups hold several tenants' reports; without it, `db`. */
  readonly journalDb?: Database
  readonly intel: { refresh (): Promise<IntelView> }
  readonly privacyMode?: boolean
  /** Of its reports; more is refused. */
  readonly maxBytes?: number
}

/**
 * Merges all reports of a phone that the journal still has and judges them, by the rules, policy and intelligence of now, as of the
 * moment of the stored judgement: the same inputs give the same answer, byte for byte. Nothing is changed.
 * @throws NotFoundError, ConflictError before the first judgement
 */
export async function replayDevice ({ db, journalDb = db, intel, privacyMode = false, maxBytes = MAX_REPORT_BYTES }: ReplayDeps, reference: DeviceReference): Promise<Replay> {
  // Whose it is is asked as who asks may see it; then it is judged as workers do.
  const deviceId = await resolveDeviceId({ db }, reference)
  const view = await intel.refresh()
  return await journalDb.transaction().execute(async (tx) => {
    const [device] = await lockDevices(tx, [deviceId], createAppInventories({ db: journalDb }))
    const row = await tx.selectFrom('device_state').select(['level', 'score', 'assessed_at']).where('device_id', '=', deviceId).executeTakeFirst()
    if (device === undefined || row === undefined || row.assessed_at === null) throw new ConflictError('The phone has not been judged yet.')
    const { enrolled_at: enrolledAt } = await tx.selectFrom('device').select('enrolled_at').where('id', '=', deviceId).executeTakeFirstOrThrow()
    const reports = await listScoredReports(tx, deviceId, { maxBytes })
    const rules = (await createTenantRules().read(tx, [device.tenantId])).get(device.tenantId)!
    const blank = { ...device, state: EMPTY_STATE, resend: [], findings: [], judgedBy: null, changesAt: null }
    const judgement = judgeDevice(blank, reports, { assess, intel: view, rules, now: row.assessed_at, privacyMode })
    const answer = (level: string | null, score: number | null, findings: readonly unknown[]): string => canonicalJson({ level, score, findings: findings.map((one) => canonicalJson(one)).sort() })
    const stored = answer(row.level, row.score, device.findings.map(({ finding }) => finding))
    const replayed = answer(judgement?.level ?? null, judgement?.score ?? null, judgement?.findings.opened.map(({ finding }) => finding) ?? [])
    return { deviceId, reports: reports.length, whole: await isWhole(tx, { deviceId, enrolledAt }), same: stored === replayed, stored, replayed }
  })
}
