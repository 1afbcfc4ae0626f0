import type { Logger } from 'pino'
import { hashEnrollmentToken } from '../../devices/enroll-device.js'
import { ConflictError, NotFoundError } from '../../errors.js'
import { explainError } from '../../intune/advice.js'
import { findConnector } from '../../intune/connector-repository.js'
import type { IntuneClient } from '../../intune/intune-client.js'
import { describeError, IntuneError } from '../../intune/intune-error.js'
import { createEnrollmentToken, revokeEnrollmentToken } from '../../operators/enrollment-tokens.js'
import type { Database } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import { needsToken, resolveBody } from './graph-bodies.js'
import { readIntune, SETUP_PERMISSIONS } from './observed.js'
import type { Conflict } from './conflicts.js'
import { type PlanContext, planSetup, type PlanStep, planUndo, type RememberedItem } from './plan.js'
import {
  addToken, beginItem, deleteItem, extendSetupLock, findSetup, isEnrollmentTokenLive, listItems, lockSetup, saveItem, saveWish, unlockSetup
} from './setup-repository.js'
import { checkWish, type SetupWish } from './wish.js'

export interface SetupDeps {
  readonly db: Database
  readonly intune: Pick<IntuneClient, 'setup'>
  readonly log: Logger
  /** Where agents find us. */
  readonly publicUrl: string
  readonly connectorId: string
  readonly now?: () => Date
}

export interface SetupInput {
  readonly tenantId: string
  readonly actor: string
  /** Undefined: what was wished last. */
  readonly wish?: SetupWish | undefined
  /** True: nothing is changed. */
  readonly plan: boolean
  /** Take everything away again that we made. */
  readonly undo: boolean
  /** Do it although conflicts block it. */
  readonly acceptConflicts: boolean
}

/** A step of a plan as people see it, without what a request would hold. */
export interface SetupStep {
  readonly key: string
  readonly action: PlanStep['action']
  readonly text: string
  readonly state: 'planned' | 'done' | 'failed' | 'not-reached'
  /** What stood in the way, and what to do. */
  readonly error: string | null
}

export interface SetupAnswer {
  /** What is wished; null: nothing. */
  readonly wish: SetupWish | null
  /** Whether Intune is as wished now (for an undo: whether nothing of ours is left). Null: not read. */
  readonly complete: boolean | null
  readonly appliedAt: string | null
  readonly appliedBy: string | null
  readonly lastError: string | null
  readonly steps: readonly SetupStep[]
  readonly conflicts: readonly Conflict[]
  /** What we made or changed there. */
  readonly items: ReadonlyArray<{ readonly key: string, readonly graphId: string | null, readonly made: boolean, readonly changedAt: string }>
}

/** Renewed with every step; Microsoft has 15 seconds for an answer, and is asked again now and then. */
const LEASE_MS = 2 * 60 * 1000

/** What is set up, compared with what was wished. An Intune that cannot be read is told in `lastError`. @throws NotFoundError */
export async function getIntuneSetup (deps: SetupDeps, { tenantId }: { readonly tenantId: string }): Promise<SetupAnswer> {
  const entraTenantId = await entraTenantOf(deps.db, tenantId)
  const { wish, appliedAt, appliedBy, lastError } = await findSetup(deps.db, tenantId)
  const answer = { wish, appliedAt: appliedAt?.toISOString() ?? null, appliedBy, items: await describeItems(deps.db, tenantId) }
  if (wish === null) return { ...answer, lastError, complete: null, steps: [], conflicts: [] }
  try {
    const { steps, conflicts } = await makePlan(deps, { tenantId, entraTenantId, wish, undo: false })
    return { ...answer, lastError, complete: isComplete(steps), steps: steps.map((step) => describeStep(step, step.action === 'keep' ? 'done' : 'planned')), conflicts }
  } catch (error) {
    if (!(error instanceof IntuneError)) throw error
    return { ...answer, lastError: explainError(error), complete: null, steps: [], conflicts: [] }
  }
}

/**
 * Sets a tenant's Intune up as wished, or only says what that would do; again does no harm. What was done is remembered
 * before the next step, so that the next call goes on where this one ended, whatever ended it.
 * @throws NotFoundError, InvalidInputError, ConflictError when a conflict blocks it or it is being done already, IntuneError when Intune cannot be read
 */
export async function setUpIntune (deps: SetupDeps, input: SetupInput): Promise<SetupAnswer> {
  const { tenantId, actor, undo } = input
  const entraTenantId = await entraTenantOf(deps.db, tenantId)
  const stored = await findSetup(deps.db, tenantId)
  const wish = input.wish ?? stored.wish
  if (input.wish !== undefined) checkWish(input.wish)
  if (wish === null && !undo) throw new ConflictError('Nothing is wished yet: say which apps, limits and groups.')
  const target = { tenantId, entraTenantId, wish, undo }
  if (input.plan) {
    const { steps, conflicts } = await makePlan(deps, target)
    return {
      wish, complete: isComplete(steps), appliedAt: stored.appliedAt?.toISOString() ?? null, appliedBy: stored.appliedBy, lastError: stored.lastError, conflicts,
      steps: steps.map((step) => describeStep(step, step.action === 'keep' ? 'done' : 'planned')), items: await describeItems(deps.db, tenantId)
    }
  }

  if (!await lockSetup(deps.db, tenantId, LEASE_MS)) throw new ConflictError('Intune is being set up for this tenant at this moment.')
  let lastError: string | null = 'It was interrupted.'
  try {
    const { steps, conflicts } = await makePlan(deps, target)
    const blocking = conflicts.filter((conflict) => conflict.blocking)
    if (blocking.length > 0 && !input.acceptConflicts && !undo) throw new ConflictError(blocking.map(({ text, remedy }) => `${text} ${remedy}`).join(' '))
    await deps.db.transaction().execute(async (tx) => {
      if (input.wish !== undefined) await saveWish(tx, tenantId, input.wish)
      await recordAudit(tx, {
        tenantId, actor, action: undo ? 'intune-setup.undone' : 'intune-setup.applied',
        detail: { steps: steps.filter(({ action }) => action !== 'keep').map(({ key, action }) => `${action} ${key}`), ...(input.acceptConflicts ? { acceptedConflicts: blocking.map(({ kind }) => kind) } : {}) }
      })
    })
    const done = await applySteps(deps, { tenantId, entraTenantId, actor }, steps)
    lastError = done.find(({ error }) => error !== null)?.error ?? null
    if (undo && lastError === null) await saveWish(deps.db, tenantId, null)
    const at = deps.now?.() ?? new Date()
    return {
      wish: undo && lastError === null ? null : wish, complete: lastError === null, appliedAt: lastError === null ? at.toISOString() : stored.appliedAt?.toISOString() ?? null,
      appliedBy: lastError === null ? actor : stored.appliedBy, lastError, steps: done, conflicts, items: await describeItems(deps.db, tenantId)
    }
  } catch (error) {
    lastError = error instanceof IntuneError ? explainError(error) : describeError(error)
    throw error
  } finally {
    await unlockSetup(deps.db, tenantId, { lastError, appliedBy: actor, at: deps.now?.() ?? new Date() })
  }
}

interface Target { readonly tenantId: string, readonly entraTenantId: string, readonly wish: SetupWish | null, readonly undo: boolean }

async function makePlan ({ db, intune, connectorId, publicUrl }: SetupDeps, { tenantId, entraTenantId, wish, undo }: Target): Promise<{ steps: readonly PlanStep[], conflicts: readonly Conflict[] }> {
  const remembered = await listItems(db, tenantId)
  const observed = await readIntune({
    graph: intune.setup.graph,
    entraTenantId,
    appIds: [wish?.android?.packageId, wish?.ios?.bundleId].filter((id) => id !== undefined),
    known: remembered.flatMap(({ graphId }) => graphId ?? []),
    groups: wish?.groups ?? [],
    isTokenLive: async (token) => await isEnrollmentTokenLive(db, tenantId, hashEnrollmentToken(token))
  })
  const context: PlanContext = { tenantId, connectorId, serverUrl: publicUrl, remembered }
  return undo ? { steps: planUndo(observed, context), conflicts: [] } : planSetup(wish!, observed, context)
}

interface Applying { readonly tenantId: string, readonly entraTenantId: string, readonly actor: string }

async function applySteps (deps: SetupDeps, target: Applying, steps: readonly PlanStep[]): Promise<SetupStep[]> {
  const ids = new Map(steps.flatMap(({ key, graphId }): Array<[string, string]> => graphId === null ? [] : [[key, graphId]]))
  const done: SetupStep[] = []
  let failed = false
  for (const step of steps) {
    if (failed) {
      done.push(describeStep(step, step.action === 'keep' ? 'done' : 'not-reached'))
      continue
    }
    try {
      await extendSetupLock(deps.db, target.tenantId, LEASE_MS)
      await applyStep(deps, target, step, ids)
      done.push(describeStep(step, 'done'))
    } catch (error) {
      // Our own faults are loud; Microsoft's are part of the answer, with what was done before.
      if (!(error instanceof IntuneError)) throw error
      deps.log.warn({ err: error, tenantId: target.tenantId, key: step.key, action: step.action }, 'a step of setting Intune up failed')
      failed = true
      done.push(describeStep(step, 'failed', explainError(error)))
    }
  }
  return done
}

async function applyStep (deps: SetupDeps, target: Applying, step: PlanStep, ids: Map<string, string>): Promise<void> {
  const { db } = deps
  const { tenantId } = target
  const { key, action, made, before, after } = step
  const item = (graphId: string | null): RememberedItem => ({ key, graphId, made, before, after })
  switch (action) {
    case 'keep': return
    case 'adopt': return await saveItem(db, tenantId, item(step.graphId))
    case 'forget': return await forget(deps, target, step)
    case 'delete':
    case 'restore':
      await send(deps, target, step, ids)
      return await forget(deps, target, step)
    case 'create': {
      // Begun before it is made: should this process end in between, the mark in its description tells whose it is.
      const earlier = (await listItems(db, tenantId)).find((one) => one.key === key)
      await beginItem(db, tenantId, key)
      const answer = await send(deps, target, step, ids) as { id?: unknown } | undefined
      if (typeof answer?.id !== 'string') throw new IntuneError('rejected', `Microsoft Graph made ${key} and did not say its id.`)
      ids.set(key, answer.id)
      await saveItem(db, tenantId, item(answer.id))
      // What carried them is gone, so nobody needs them any more.
      return await revokeTokens(deps, target, earlier?.after.tokens)
    }
    case 'update':
    case 'assign': {
      // What was there is remembered before it is gone.
      await saveItem(db, tenantId, item(step.graphId ?? ids.get(key) ?? null))
      await send(deps, target, step, ids)
    }
  }
}

async function send (deps: SetupDeps, { tenantId, entraTenantId, actor }: Applying, { key, request }: PlanStep, ids: ReadonlyMap<string, string>): Promise<unknown> {
  if (request === null) throw new Error(`step ${key} has no request`)
  const { method, version } = request
  const token = needsToken(request.body) ? await createEnrollmentToken(deps, { tenantId, label: `Intune app configuration (${key})`, actor }) : undefined
  // Known before it is out, so that it ends with what carries it.
  if (token !== undefined) await addToken(deps.db, tenantId, key, token.id)
  const late = { enrollmentToken: token?.token, idOf: (other: string) => ids.get(other) }
  const path = request.path.replace(/\(id of ([^)]+)\)/, (_all, other: string) => encodeURIComponent(ids.get(other) ?? ''))
  const permission = key === 'connector' ? SETUP_PERMISSIONS.connectors : key.startsWith('policy-') ? SETUP_PERMISSIONS.policies : SETUP_PERMISSIONS.apps
  return await deps.intune.setup.graph.send(entraTenantId, {
    method, version, path, permission, ...(request.body === undefined ? {} : { body: resolveBody(request.body, late) as object })
  }).catch((error: unknown) => {
    // What is to be deleted and is not there, is deleted.
    if (method === 'DELETE' && error instanceof IntuneError && error.details.status === 404) return undefined
    throw error
  })
}

async function forget (deps: SetupDeps, target: Applying, { key, after }: PlanStep): Promise<void> {
  await revokeTokens(deps, target, after.tokens)
  await deleteItem(deps.db, target.tenantId, key)
}

async function revokeTokens ({ db }: SetupDeps, { tenantId, actor }: Applying, tokens: unknown): Promise<void> {
  for (const id of Array.isArray(tokens) ? tokens.map(String) : []) {
    await revokeEnrollmentToken({ db }, { tenantId, id, actor }).catch((error: unknown) => {
      // Deleted by an administrator meanwhile.
      if ((error as { statusCode?: number }).statusCode !== 404) throw error
    })
  }
}

async function entraTenantOf (db: Database, tenantId: string): Promise<string> {
  const connector = await findConnector(db, tenantId)
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  return connector.entraTenantId
}

async function describeItems (db: Database, tenantId: string): Promise<SetupAnswer['items']> {
  return (await listItems(db, tenantId)).map(({ key, graphId, made, changedAt }) => ({ key, graphId, made, changedAt: changedAt.toISOString() }))
}

const describeStep = ({ key, action, text }: PlanStep, state: SetupStep['state'], error: string | null = null): SetupStep => ({ key, action, text, state, error })
const isComplete = (steps: readonly PlanStep[]): boolean => steps.every(({ action }) => action === 'keep')
