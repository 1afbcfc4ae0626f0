import type { KevStatement, VulnerabilityRow } from './vulnerability.js'

/** The catalogue of exploited vulnerabilities by CVE. */
export type KevFacts = ReadonlyMap<string, KevStatement>

/** Rows in the order in which they count: the first word on a CVE is taken. */
export function compileKev (rows: readonly VulnerabilityRow[]): KevFacts {
  const facts = new Map<string, KevStatement>()
  for (const { fact } of rows) if (fact.kind === 'kev' && !facts.has(fact.cve)) facts.set(fact.cve, fact)
  return facts
}
