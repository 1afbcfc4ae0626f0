import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Level, ReportingState, Severity } from '../risk/level.js'
import { pickLanguage, userTextFor, type Language } from '../risk/user-texts/index.js'
import { accessOutlook, type AccessOutlook } from './access-outlook.js'
import { listStandingFindings } from './finding-repository.js'
import { findDeviceRow, toDeviceSummary } from './fleet-repository.js'

/** What a phone shows its user. */
export interface DeviceStatus {
  readonly state: ReportingState
  readonly level: Level | null
  /** ISO 8601; null without a level. */
  readonly since: string | null
  readonly language: Language
  readonly findings: ReadonlyArray<{
    readonly findingId: string
    readonly detection: string
    readonly category: string
    readonly severity: Severity
    readonly subject: string
    /** In the user's words. */
    readonly title: string
    readonly steps: readonly string[]
    readonly since: string
    readonly expiresAt: string | null
  }>
  readonly access: AccessOutlook
}

/** A phone's own status in the language its user likes best. @throws NotFoundError */
export async function getDeviceStatus (
  { db }: { readonly db: Database },
  { tenantId, deviceId, acceptLanguage }: { readonly tenantId: string, readonly deviceId: string, readonly acceptLanguage: string | undefined }
): Promise<DeviceStatus> {
  const row = await findDeviceRow(db, tenantId, deviceId)
  if (row === undefined) throw new NotFoundError('There is no such device.')
  const { state, level, levelSince } = toDeviceSummary(row)
  const language = pickLanguage(acceptLanguage)
  const findings = await listStandingFindings(db, row.id)
  return {
    state,
    level,
    since: levelSince,
    language,
    // What is only recorded for the analyst asks nothing of the user.
    findings: findings.filter((finding) => finding.status === 'open' && finding.severity !== 'audit').map((finding) => ({
      findingId: finding.findingId,
      detection: finding.detection,
      category: finding.category,
      severity: finding.severity,
      subject: finding.subject,
      ...userTextFor(finding, language),
      since: finding.firstSeen,
      expiresAt: finding.expiresAt
    })),
    access: accessOutlook({ state, level, reported: row.desired_health !== null && row.reported_health === row.desired_health }, language)
  }
}
