import { NotFoundError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { findConnector } from '../connector-repository.js'
import { countDirectory } from './directory-repository.js'
import { countMembers, listChosenGroups } from './group-repository.js'
import { findReconciliation, listRounds } from './reconciliation-repository.js'
import { PARTS, type PartName, type PartOutcome, type RoundCounts } from './round.js'

/** How a tenant's phones compare with what Intune and Entra know. Times are ISO 8601. */
export interface Reconciliation {
  readonly running: boolean
  /** When the next round begins; null: never, the tenant is not connected. */
  readonly nextAt: string | null
  /** The last time that everything was compared. */
  readonly fullAt: string | null
  /** A phone that is gone from Intune for so many days is deactivated; null: never by itself. */
  readonly deactivateAfterDays: number | null
  readonly groups: ReadonlyArray<{ readonly wanted: string, readonly entraGroupId: string | null, readonly name: string | null, readonly members: number, readonly fault: string | null }>
  readonly directory: { readonly phones: number, readonly pending: number, readonly missing: number, readonly vanished: number, readonly drifting: number, readonly stuck: number }
  readonly rounds: readonly Round[]
}

export interface Round {
  readonly id: number
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly full: boolean
  /** Somebody asked for it. */
  readonly requested: boolean
  readonly parts: ReadonlyArray<{ readonly part: PartName, readonly state: PartOutcome['state'] | 'running' | 'waiting', readonly words: string | null, readonly permission: string | null }>
  readonly counts: RoundCounts
}

const SHOWN_ROUNDS = 20

/** @throws NotFoundError */
export async function getReconciliation ({ db }: { readonly db: Database }, { tenantId }: { readonly tenantId: string }): Promise<Reconciliation> {
  const [connector, state, groups, members, directory, rounds] = await Promise.all([
    findConnector(db, tenantId), findReconciliation(db, tenantId), listChosenGroups(db, tenantId), countMembers(db, tenantId), countDirectory(db, tenantId), listRounds(db, tenantId, SHOWN_ROUNDS)
  ])
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  return {
    running: state?.isRunning ?? false,
    nextAt: state?.dueAt.toISOString() ?? null,
    fullAt: state?.fullAt?.toISOString() ?? null,
    deactivateAfterDays: state?.deactivateAfterDays ?? null,
    groups: groups.map(({ number, wanted, entraGroupId, name, fault }) => ({ wanted, entraGroupId, name, members: members.get(number) ?? 0, fault })),
    directory,
    rounds: rounds.map((round) => ({
      id: round.id,
      startedAt: round.startedAt.toISOString(),
      finishedAt: round.finishedAt?.toISOString() ?? null,
      full: round.isFull,
      requested: round.requested,
      parts: PARTS.map((part) => {
        const outcome = round.parts[part]
        const state = outcome?.state ?? (round.finishedAt === null && round.part === part ? 'running' : 'waiting')
        return { part, state, words: outcome?.words ?? null, permission: outcome?.permission ?? null }
      }),
      counts: round.counts
    }))
  }
}
