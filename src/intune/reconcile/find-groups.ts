import { IntuneError } from '../intune-error.js'
import type { GraphReader } from './graph-reader.js'
import type { ChosenGroup, FoundGroup } from './group-repository.js'

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Finds a chosen group in Entra, by its object id or by its name. Graph's `eq` does not tell
 * names apart by case; we do, as administrators of other vendors' products are used to.
 * @throws IntuneError when Graph could not be asked
 */
export async function findGroup (graph: GraphReader, { number, wanted }: ChosenGroup): Promise<FoundGroup> {
  const fail = (fault: string): FoundGroup => ({ number, entraGroupId: null, name: null, fault })
  if (GUID.test(wanted)) {
    try {
      const { id, displayName } = await graph.get(`/groups/${wanted.toLowerCase()}?$select=id,displayName`) as { id: string, displayName: string | null }
      return { number, entraGroupId: id.toLowerCase(), name: displayName, fault: null }
    } catch (error) {
      if (error instanceof IntuneError && error.details.status === 404) return fail('Entra has no group with this object id.')
      throw error
    }
  }
  const literal = encodeURIComponent(wanted.replaceAll("'", "''"))
  const { rows } = await graph.page(`/groups?$filter=displayName eq '${literal}'&$select=id,displayName`)
  const named = rows as Array<{ id: string, displayName: string | null }>
  const exact = named.filter(({ displayName }) => displayName === wanted)
  if (exact.length === 1) return { number, entraGroupId: exact[0]!.id.toLowerCase(), name: wanted, fault: null }
  if (exact.length > 1) return fail(`${exact.length} groups have this name: choose by object id.`)
  return fail(named.length === 0 ? 'Entra has no group with this name.' : `Entra has no group with this name, but "${named[0]!.displayName ?? ''}": names are told apart by case.`)
}
