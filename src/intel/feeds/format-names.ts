/** The formats that can be imported, by the name the API gives them; of one syntax the most particular first. */
export const FORMAT_NAMES = [
  'stix', 'misp', 'kev', 'osv', 'nvd', 'sofa', 'endoflife', 'app-vulnerabilities', 'android-bulletin', 'stalkerware', 'starter', 'openioc', 'suricata', 'hosts', 'csv', 'list'
] as const
export type FormatName = (typeof FORMAT_NAMES)[number]

/** What an import may be told: one of them, or to find out. */
export const FEED_FORMATS: readonly string[] = ['auto', ...FORMAT_NAMES]
