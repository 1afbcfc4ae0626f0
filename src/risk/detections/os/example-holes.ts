import type { Vulnerability } from '../../../intel/vulnerabilities/vulnerability.js'

/** Holes for examples, of the kind that feeds tell of. */
export function exampleHole (rest: Partial<Vulnerability> = {}): Vulnerability {
  return {
    cve: 'CVE-2026-20001',
    platform: 'ios',
    severity: 'critical',
    cvss: 9.8,
    exploited: false,
    kevDateAdded: null,
    kevDueDate: null,
    fixedIn: ['26.6.1'],
    part: null,
    fixAvailable: true,
    fixedSince: '2026-11-02',
    ...rest
  }
}

/** One that attackers use, and until when CISA wants it closed. */
export const exploitedHole = (kevDueDate: string | null, rest: Partial<Vulnerability> = {}): Vulnerability =>
  exampleHole({ exploited: true, kevDateAdded: '2026-11-01', kevDueDate, ...rest })
