import type { Report } from '../report.js'

/** A report without what an agent adds: its id, its place in the row of reports, its time. */
export type ReportSections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>
