import type { IntelEntry, IntelView } from '../../intel/intel-view.js'
import { brandOf } from './distinctive-names.js'
import { looksRandom } from './random-names.js'

/** So many names made by lot make a habit of a family's maker. */
const LEAST_MADE_BY_LOT = 5
const NONE: readonly IntelEntry[] = []

/** Whether both parts behind the first of an id like `com.aixlunro.uqfhkagb` look as if a machine had made them. */
export const isMadeByLot = (appId: string): boolean => {
  const parts = appId.split('.')
  return parts.length === 3 && looksRandom(parts[1]!) && looksRandom(parts[2]!)
}

/**
 * Listed names that say whose an unlisted one is. Makers of stalkerware give each customer's build
 * a name and a certificate of its own, both made by lot, so that no list can have them all; but they
 * are all of one form. When at least five names of that form, made by lot, are listed for one family,
 * another such name is taken for one of that family. People name no app so: of 25,000 ordinary ids 129 have the
 * form of such a family's, and none of them looks as if it were made by lot in both parts.
 */
export function namesByLotLike (intel: IntelView, appId: string): readonly IntelEntry[] {
  const alike = intel.namesLike(appId)
  if (alike.length === 0 || !isMadeByLot(appId)) return NONE
  const byFamily = new Map<string, IntelEntry[]>()
  for (const entry of alike) {
    if (!isMadeByLot(entry.value)) continue
    const family = brandOf(entry.family)
    const entries = byFamily.get(family)
    if (entries === undefined) byFamily.set(family, [entry])
    else entries.push(entry)
  }
  return [...byFamily.values()].filter((entries) => new Set(entries.map(({ value }) => value)).size >= LEAST_MADE_BY_LOT).flat()
}
