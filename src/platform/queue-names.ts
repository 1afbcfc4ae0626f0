/** Work for workers/score.ts: groups of the journal, or devices whose judgement may have changed. */
export interface ScorePayload {
  readonly groupId?: number
  readonly deviceIds?: readonly string[]
}
/** Work for workers/sync.ts: a tenant with rows in the outbox. */
export interface SyncPayload {
  readonly tenantId: string
}
/** Work for workers/upkeep.ts, put in by schedules. */
export interface UpkeepPayload {
  readonly task: 'sweep' | 'heartbeat' | 'retention'
}

export interface QueuePayloads {
  score: ScorePayload
  sync: SyncPayload
  upkeep: UpkeepPayload
}
export type QueueName = keyof QueuePayloads
export const QUEUE_NAMES: readonly QueueName[] = ['score', 'sync', 'upkeep']

/** What a use case needs to hand work on. */
export interface Producer<N extends QueueName> {
  add (payloads: ReadonlyArray<QueuePayloads[N]>): Promise<void>
}
