import type { AppStatement, KevStatement, OsStatement, ReleaseStatement } from '../../../src/intel/vulnerabilities/vulnerability.js'

/** Facts as parsers make them, for tests; each says what it cares about. */
export function osStatement (rest: Partial<OsStatement> = {}): OsStatement {
  return {
    kind: 'os', cve: 'CVE-2025-0001', platform: 'ios', severity: 'high', exploited: true,
    kevDateAdded: '2025-01-01', kevDueDate: '2025-01-22', fixedIn: ['18.3'], part: null, ...rest
  }
}

export function appStatement (rest: Partial<AppStatement> = {}): AppStatement {
  return { kind: 'app', cve: 'CVE-2025-0001', appId: 'com.example.app', severity: 'high', cvss: 8.1, exploited: false, kevDateAdded: null, kevDueDate: null, ranges: [{ introduced: '0', fixed: '2.0' }], ...rest }
}

export function kevStatement (cve: string, rest: Partial<KevStatement> = {}): KevStatement {
  return {
    kind: 'kev', cve, severity: null, exploited: true, kevDateAdded: '2025-02-01', kevDueDate: '2025-02-22',
    about: { vendor: 'Maker', product: 'Product', name: 'A hole', ransomware: false }, ...rest
  }
}

export function release (version: string, rest: Partial<ReleaseStatement> = {}): ReleaseStatement {
  return {
    kind: 'release', cve: null, platform: 'ios', isCycle: false, version, released: null, endOfLife: null,
    latest: null, latestReleased: null, apiLevel: null, devices: [], ...rest
  }
}
