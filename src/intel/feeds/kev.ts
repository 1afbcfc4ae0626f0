import { parseDate } from '../vulnerabilities/versions.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { Faults, isObject, objectOf, readCve, readReferences, requireObjects, textOf } from './vulnerability-fields.js'

const WHAT = 'The KEV catalogue'

/** CISA's Known Exploited Vulnerabilities catalogue (known_exploited_vulnerabilities.json). */
export function isKev (data: unknown): boolean {
  if (!isObject(data) || !Array.isArray(data.vulnerabilities)) return false
  return 'catalogVersion' in data || ('cveID' in objectOf(data.vulnerabilities[0]) && 'dateAdded' in objectOf(data.vulnerabilities[0]))
}

/**
 * Every entry is kept, whatever product it is of: apps, chips and kernels are parts of phones, and
 * which of them a phone has other feeds say. The catalogue has no versions.
 * @throws InvalidInputError naming every entry that is none
 */
export function readKev (data: unknown): ParsedFeed {
  const catalogue = objectOf(data)
  const entries = requireObjects(catalogue.vulnerabilities, '/vulnerabilities', WHAT)
  const faults = new Faults(WHAT)
  for (const [index, { cveID }] of entries.entries()) if (typeof cveID !== 'string') faults.add(`/vulnerabilities/${index}/cveID`, 'must be text')
  faults.check()

  const feed = new FeedCollector()
  for (const entry of entries) {
    const cve = readCve(entry.cveID)
    if (cve === undefined) {
      feed.skip('cveID: not a CVE id', entry.cveID)
      continue
    }
    const [added, due] = [parseDate(entry.dateAdded), parseDate(entry.dueDate)]
    if (added === undefined) feed.skip('dateAdded: not a day; the entry counts without', entry.dateAdded ?? cve)
    feed.addVulnerability({
      kind: 'kev',
      cve,
      severity: null,
      exploited: true,
      kevDateAdded: added ?? null,
      kevDueDate: due ?? null,
      ...readReferences((textOf(entry.notes, 4_000) ?? '').split(/[;\s]+/)),
      about: {
        vendor: textOf(entry.vendorProject) ?? '',
        product: textOf(entry.product) ?? '',
        name: textOf(entry.vulnerabilityName) ?? '',
        ransomware: entry.knownRansomwareCampaignUse === 'Known'
      }
    })
  }
  feed.publishedAt(textOf(catalogue.dateReleased))
  return { ...feed.finish(), ...versionOf(catalogue.catalogVersion) }
}

function versionOf (value: unknown): { readonly publisherVersion?: string } {
  const version = textOf(value, 100)
  return version === undefined ? {} : { publisherVersion: version }
}
