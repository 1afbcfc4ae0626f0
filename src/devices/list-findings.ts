import type { Database } from '../platform/database.js'
import type { Page } from './cursor.js'
import { pageFindings, type Finding, type FindingFilter } from './finding-repository.js'

/** One page of a tenant's findings. @throws InvalidInputError for a foreign cursor */
export async function listFindings ({ db }: { readonly db: Database }, filter: FindingFilter): Promise<Page<Finding>> {
  return await pageFindings(db, filter)
}
