import type { Vulnerability } from '../../../intel/vulnerabilities/vulnerability.js'

/** What closes a hole, since when, and whether this phone can get that; for titles. */
export function describeFix ({ fixedIn, fixAvailable, fixedSince }: Vulnerability): string {
  const fixes = fixedIn.length === 0 ? 'no fix is named' : `fixed in ${fixedIn.join(', ')}`
  if (fixAvailable === false) return `${fixes}, of which nothing comes for this phone`
  return fixedSince == null ? fixes : `${fixes} (since ${fixedSince})`
}

/** What helps where no update comes any more. */
export const NO_FIX = {
  user: 'There is no update for this phone any more. Ask your IT team for another phone, and do not use this one for work until then.',
  admin: 'Replace the phone: its system gets no fix any more. Until then keep it from company data.'
} as const
