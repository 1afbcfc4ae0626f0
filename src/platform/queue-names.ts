import { Type, type Static } from 'typebox'

const Uuid = Type.String({ pattern: '^[0-9a-f-]{36}$' })

/**
 * What a job of each queue carries: ids, never data, so that a queue can be lost and filled
 * again. Checked when a job is added and again when it arrives.
 */
export const QUEUE_PAYLOADS = {
  /** For workers/score.ts: a group of the journal, or devices whose judgement may have changed. */
  score: Type.Object({
    groupId: Type.Optional(Type.Integer({ minimum: 1 })),
    deviceIds: Type.Optional(Type.Array(Uuid))
  }),
  /** For workers/intel.ts: the threat intelligence has changed. */
  intel: Type.Object({}),
  /** For workers/preview.ts: what a policy would change. */
  preview: Type.Object({ previewId: Uuid }),
  /** For workers/sync.ts: a tenant with rows in the outbox. */
  sync: Type.Object({ tenantId: Uuid }),
  /** For workers/reconcile.ts: a tenant to compare with Intune and Entra; without one, to look which are due. */
  reconcile: Type.Object({ tenantId: Type.Optional(Uuid) }),
  /** For workers/signals.ts, put in by schedules: tell receivers of what changed; clean up. */
  signals: Type.Object({ task: Type.Enum(['tell', 'tend']) }),
  /** For workers/upkeep.ts, put in by schedules. */
  upkeep: Type.Object({ task: Type.Enum(['sweep', 'reassess', 'partitions', 'retention', 'tables', 'subscriptions', 'audit']) })
} as const

export type QueueName = keyof typeof QUEUE_PAYLOADS

/**
 * The version of what a job of each queue says; it stands in the job's name. Raise it when a job may say what
 * an older process would refuse or get wrong: old and new run side by side while an installation is brought up to date, and
 * older processes leave such jobs to newer ones. New fields that may be ignored need no new version; jobs of
 * older versions must still be understood.
 */
export const JOB_VERSIONS: Readonly<Record<QueueName, number>> = { score: 1, intel: 1, preview: 1, sync: 1, reconcile: 1, signals: 1, upkeep: 3 }
export type QueuePayloads = { readonly [N in QueueName]: Static<(typeof QUEUE_PAYLOADS)[N]> }
export type ScorePayload = QueuePayloads['score']
export type SyncPayload = QueuePayloads['sync']
export type SignalsPayload = QueuePayloads['signals']
export type UpkeepPayload = QueuePayloads['upkeep']

export const QUEUE_NAMES = Object.keys(QUEUE_PAYLOADS) as QueueName[]

/** What a use case needs to hand work on. */
export interface Producer<N extends QueueName> {
  /** `priority`: behind all without one; a lower number before a higher. @throws QueuesUnavailableError when the engine does not answer in time; the jobs may still be added later */
  add (payloads: ReadonlyArray<QueuePayloads[N]>, options?: { readonly priority?: number }): Promise<void>
}
