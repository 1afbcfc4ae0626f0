import { setTimeout as sleep } from 'node:timers/promises'
import { clearConnectorFailure, findConnector, type ConnectorRow } from './connector-repository.js'
import { nowOf } from './deps.js'
import { IntuneError } from './intune-error.js'
import {
  acknowledgeMessage, adoptMessages, claimMessage, dropRows, freeMessage, hasDueRows, refuseRows, splitMessage, type ClaimedRow, type Message
} from './outbox-repository.js'
import { connectTenant, noteTenantFailure } from './provision-tenant.js'
import type { SyncTenantDeps, SyncTuning } from './sync-deps.js'
import type { Outgoing, TenantRun } from './tenant-run.js'
import { createGate } from '../platform/gate.js'
import { NO_TRACING } from '../platform/tracing.js'
import { backoffMs } from '../platform/retry-delay.js'

export interface MessageSenderOptions {
  readonly deps: SyncTenantDeps
  readonly tuning: SyncTuning
  /** Ends the looking after messages. */
  readonly signal: AbortSignal
  /** A message that Intune was working on came to its end. */
  readonly onChange: (run: TenantRun) => void
}

/** Does something that waits for Microsoft and not for us. */
export type Away = <T>(work: () => Promise<T>) => Promise<T>

export interface MessageSender {
  /**
   * Sends one message of the tenant, if anything is due and may be sent; does not wait for Intune to work it off.
   * `away` is told of everything that waits for somebody else's answer.
   */
  sendNext (run: TenantRun, away: Away): Promise<void>
  /** Ids of messages that this process looks after. */
  inHand (): string[]
}

/** A phone that Intune does not know may be enrolled there in a minute, or never. */
const DEVICE_BACKOFF = { firstMs: 5_000, maxMs: 30 * 60 * 1000 }
/** Messages spent on finding out which phones of one message are refused. */
const MAX_SPLITS = 64
/** So often a message is for phones that were refused before, however many others are due. */
const REFUSED_TURN = 8
const LOCKED_PAUSE_MS = 5
const MAX_LOCKED_PAUSES = 40
/** Pauses between looks at a message: the first is half of what messages took lately. */
const FIRST_LOOK_MS = { start: 10, least: 5, most: 2_000 }
const LOOK_FACTOR = 1.7
const LONGEST_LOOK_MS = 5_000
/** Weight of the newest message in what messages took lately. */
const NEWEST_WEIGHT = 0.3
const THROTTLED_LOOK_MS = 2_000
/** Large messages being put together or confirmed in the database at once; more only make everybody else wait, scoring too. */
const DATABASE_PLACES = 4
/** Rows that need no place. */
const SMALL_MESSAGE = 50

export function createMessageSender ({ deps, tuning, signal, onChange }: MessageSenderOptions): MessageSender {
  const { db, log } = deps
  const { partner, budget } = deps.intune
  const { tracing = NO_TRACING } = deps
  const inHand = new Set<string>()
  const gate = createGate(DATABASE_PLACES)
  /** How long Intune works on messages, in ms. */
  let usualMs = FIRST_LOOK_MS.start * 2

  async function sendNext (run: TenantRun, away: Away): Promise<void> {
    const { tenantId } = run
    // Before anything is asked: a word that comes meanwhile counts.
    run.due = false
    const connector = await findConnector(db, tenantId)
    if (connector === undefined) return await stop(run)
    if (connector.state === 'deprovisioned' || (connector.retryAt !== null && connector.retryAt > nowOf(deps))) {
      run.stopped = true
      return await stop(run)
    }
    if (connector.state !== 'provisioned') {
      // A connection that was lost is set up again even if there is nothing to say.
      if (connector.state === 'not-provisioned' && !await hasDueRows(db, tenantId)) return await stop(run)
      if (!await away(async () => await connectTenant(deps, connector))) {
        run.stopped = true
        return await stop(run)
      }
    }
    const isConnected = connector.state === 'provisioned'
    run.connector = isConnected ? connector : { ...connector, state: 'provisioned', lastError: null, retryAt: null, attempts: 0 }
    run.probing = run.connector.lastError !== null
    run.pause = undefined
    if (!run.adopted) {
      run.adopted = true
      for (const message of await adoptMessages(db, { tenantId, watchMs: tuning.watchMs })) lookAfter(run, { message, splits: { left: MAX_SPLITS } }, true)
    }

    if (run.parts.length === 0 && !await hasDueRows(db, tenantId)) return
    run.due = true
    const waitMs = await budget?.take(connector.entraTenantId, 'write') ?? 0
    if (waitMs > 0) {
      run.timer = setTimeout(() => {
        run.timer = undefined
        onChange(run)
      }, waitMs)
      return
    }
    const outgoing = run.parts.shift() ?? await claim(run)
    if (outgoing === undefined) {
      // Due but not claimable: being written at this moment.
      if (run.lockedPauses++ >= MAX_LOCKED_PAUSES) run.due = false
      else await sleep(LOCKED_PAUSE_MS)
      return
    }
    run.lockedPauses = 0
    await send(run, outgoing, away)
  }

  async function claim (run: TenantRun): Promise<Outgoing | undefined> {
    const isFirst = run.claims === 0
    const refusedFirst = run.claims++ % REFUSED_TURN === REFUSED_TURN - 1
    const input = { tenantId: run.tenantId, limit: tuning.messageDevices, watchMs: tuning.watchMs }
    const claimNow = async (): Promise<Message | undefined> =>
      await claimMessage(db, { ...input, refused: refusedFirst }) ?? await claimMessage(db, { ...input, refused: !refusedFirst })
    // Who has just come does not stand behind those with a backlog.
    const message = await gate(claimNow, isFirst)
    if (message === undefined) return undefined
    // A full one means a backlog, which other lanes help with.
    if (message.rows.length === tuning.messageDevices) onChange(run)
    await dropRows(db, message, message.rows.filter(({ superseded }) => superseded))
    return { message: { ...message, rows: message.rows.filter(({ superseded }) => !superseded) }, splits: { left: MAX_SPLITS } }
  }

  async function send (run: TenantRun, outgoing: Outgoing, away: Away): Promise<void> {
    const { message } = outgoing
    if (message.rows.length === 0) return await freeMessage(db, message)
    inHand.add(message.id)
    try {
      const content = {
        messageId: message.id,
        records: message.rows.map(({ entraDeviceId, health, updatedAt }) => ({ entraDeviceId, health, updatedAt })),
        at: nowOf(deps)
      }
      await inSpanOf('send states to Intune', message, async () => await away(async () => await partner.upload(run.connector!.entraTenantId, content)))
    } catch (error) {
      await handleFailure(run, outgoing, error)
      return
    } finally {
      inHand.delete(message.id)
    }
    lookAfter(run, outgoing, false)
  }

  /** In the traces of what made the changes, and of nothing else: the step may have been started in any. */
  async function inSpanOf (name: string, { rows }: Message, work: () => Promise<void>): Promise<void> {
    await tracing.inSpan(name, { continues: tracing.isOn ? rows.map(({ trace }) => trace) : [], attributes: { 'sallyport.devices': rows.length } }, work)
  }

  /** Waits for the end of a message that Intune took, without holding up anybody. */
  function lookAfter (run: TenantRun, outgoing: Outgoing, isAdopted: boolean): void {
    const { message } = outgoing
    inHand.add(message.id)
    run.unfinished++
    inSpanOf('wait for Intune', message, async () => await waitForEnd(run, outgoing, isAdopted))
      .catch((error: unknown) => {
        if (signal.aborted) return
        // The message is left to whoever adopts it: most likely the database was away.
        log.error({ err: error, tenantId: run.tenantId, messageId: message.id }, 'a message could not be looked after')
        run.fault ??= error
      })
      .finally(() => {
        if (!signal.aborted) inHand.delete(message.id)
        run.unfinished--
        onChange(run)
      })
  }

  async function waitForEnd (run: TenantRun, outgoing: Outgoing, isAdopted: boolean): Promise<void> {
    const { message } = outgoing
    const { entraTenantId } = run.connector!
    const startedAt = performance.now()
    let pauseMs = isAdopted ? 0 : Math.min(FIRST_LOOK_MS.most, Math.max(FIRST_LOOK_MS.least, usualMs / 2))
    let looks = 0
    for (;;) {
      await sleep(pauseMs, undefined, { signal })
      const waitMs = await budget?.take(entraTenantId, 'read') ?? 0
      if (waitMs > 0) {
        pauseMs = waitMs
        continue
      }
      try {
        const status = await partner.getUploadStatus(entraTenantId, message.id)
        if (status.state === 'completed') {
          usualMs += NEWEST_WEIGHT * (performance.now() - startedAt - usualMs)
          return await noteSuccess(run, message)
        }
        if (status.state === 'failed') {
          throw new IntuneError('rejected', `Intune could not process the message: ${status.reason}`, { entraDeviceIds: status.entraDeviceIds })
        }
        if (status.state === 'unknown') {
          // Whoever had it before may have died before it was sent.
          if (isAdopted) {
            await freeMessage(db, message)
            run.due = true
            return
          }
          throw new IntuneError('unfinished', `Intune took message ${message.id} and does not know it any more.`)
        }
        if (performance.now() - startedAt >= tuning.processingLimitMs) {
          throw new IntuneError('unfinished', `Intune took message ${message.id} and has not finished it after ${Math.round(tuning.processingLimitMs / 1000)} s.`)
        }
        pauseMs = Math.min(LONGEST_LOOK_MS, Math.max(1, looks++ === 0 ? usualMs / 2 : pauseMs * LOOK_FACTOR), Math.max(1, tuning.processingLimitMs / 2))
      } catch (error) {
        if (!(error instanceof IntuneError) || error.failure !== 'throttled') return await handleFailure(run, outgoing, error)
        pauseMs = error.details.retryAfterMs ?? THROTTLED_LOOK_MS
        await noteFailure(run, error)
      }
    }
  }

  async function noteSuccess (run: TenantRun, message: Message): Promise<void> {
    const now = nowOf(deps)
    const { rows } = message
    const acknowledge = async (): Promise<{ readonly isLeft: boolean }> => await acknowledgeMessage(db, message, now)
    if ((rows.length <= SMALL_MESSAGE ? await acknowledge() : await gate(acknowledge)).isLeft) run.due = true
    run.sent += rows.length
    deps.onSynced?.({ devices: rows.length, lagSeconds: rows.map(({ enqueuedAt }) => Math.max(0, now.getTime() - enqueuedAt.getTime()) / 1000) })
    if (run.connector!.lastError === null || run.pause !== undefined) return
    run.connector = { ...run.connector!, lastError: null, attempts: 0 } satisfies ConnectorRow
    run.probing = false
    await clearConnectorFailure(db, run.tenantId)
  }

  async function handleFailure (run: TenantRun, { message, splits }: Outgoing, error: unknown): Promise<void> {
    if (!(error instanceof IntuneError)) {
      // Our own fault: it is told loudly, and the next attempt finds the rows free.
      await freeMessage(db, message)
      throw error
    }
    const { rows } = message
    if (error.concernsTenant) {
      await noteFailure(run, error)
      await freeMessage(db, message, error.message)
      run.stopped = true
      return await stop(run)
    }
    if (error.failure === 'unfinished' || rows.length === 1 || splits.left <= 0) return await refuse(run, message, rows, error)

    const named = new Set(error.details.entraDeviceIds)
    const guilty = rows.filter(({ entraDeviceId }) => named.has(entraDeviceId))
    splits.left -= 1
    if (guilty.length === rows.length) return await refuse(run, message, rows, error)
    if (guilty.length > 0) await noteRefusal(run, message, guilty, error)
    const half = rows.length >> 1
    const innocent = guilty.length > 0 ? [rows.filter((row) => !guilty.includes(row))] : [rows.slice(0, half), rows.slice(half)]
    for (const part of await splitMessage(db, message, innocent, tuning.watchMs) ?? []) {
      run.parts.push({ message: part, splits })
    }
  }

  /** The tenant is left alone for a while. */
  async function noteFailure (run: TenantRun, error: IntuneError): Promise<void> {
    run.pause ??= noteTenantFailure(deps, { tenantId: run.tenantId, attempts: run.connector!.attempts, error, lost: error.failure === 'not-set-up' })
    await run.pause
  }

  async function refuse (run: TenantRun, message: Message, rows: readonly ClaimedRow[], error: IntuneError): Promise<void> {
    await noteRefusal(run, message, rows, error)
    await freeMessage(db, message)
    // A phone whose state changed meanwhile has not been refused.
    run.due = true
  }

  /** These phones' states were refused; each is tried again, less and less often, and given up in the end. */
  async function noteRefusal (run: TenantRun, message: Message, rows: readonly ClaimedRow[], error: IntuneError): Promise<void> {
    run.failed += rows.length
    log.warn({ err: error, tenantId: run.tenantId, devices: rows.length, deviceId: rows[0]?.deviceId }, 'Intune refuses the state of devices')
    const { dead } = await refuseRows(db, message, {
      rows, error: error.message, delaysMs: rows.map(({ attempts }) => backoffMs(DEVICE_BACKOFF, attempts + 1)), counts: error.failure !== 'unfinished', giveUp: tuning.giveUp
    })
    if (dead > 0) log.error({ tenantId: run.tenantId, devices: dead }, 'the state of devices was given up: Intune goes on refusing it')
  }

  /** Nothing more is sent in this run; parts that were not sent yet are free. */
  async function stop (run: TenantRun): Promise<void> {
    run.due = false
    for (const { message } of run.parts.splice(0)) await freeMessage(db, message)
  }

  return { sendNext, inHand: () => [...inHand] }
}
