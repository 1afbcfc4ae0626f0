/** Files as publishers write them, for tests. */

export interface FamilyOfTest {
  readonly name?: string
  readonly type?: string
  readonly packages?: readonly unknown[]
  readonly certificates?: readonly unknown[]
  readonly websites?: readonly unknown[]
  readonly c2?: { readonly domains?: readonly unknown[], readonly ips?: readonly unknown[] }
}

/** A stalkerware list. JSON is YAML. */
export function stalkerwareFile (...families: readonly FamilyOfTest[]): string {
  return JSON.stringify(families.map((family) => ({ name: 'Spy', type: 'stalkerware', ...family })))
}

/** A STIX bundle about one malware; each indicator is its pattern, or its pattern and other properties. */
export function stixFile (malware: string, indicators: ReadonlyArray<string | (Readonly<Record<string, unknown>> & { readonly pattern: string })>): string {
  return JSON.stringify({
    type: 'bundle',
    id: 'bundle--1',
    objects: [
      { type: 'malware', id: 'malware--1', name: malware },
      ...indicators.map((one, index) => ({ type: 'indicator', id: `indicator--${index}`, pattern_type: 'stix', ...(typeof one === 'string' ? { pattern: one } : one) }))
    ]
  })
}

/** A starter feed with these vulnerabilities, each as YAML writes it in braces. */
export function starterFile (...vulnerabilities: readonly string[]): string {
  return ['format: sallyport-starter/1', 'families: []', 'vulnerabilities:', ...vulnerabilities.map((one) => `  - { severity: high, kevDateAdded: '2024-01-01', kevDueDate: '2024-01-22', ${one} }`)].join('\n')
}
