import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ingestVocabulary, type IngestDeps } from '../../devices/ingest-vocabulary.js'
import type { CallBudget } from '../call-budget.js'
import { IntuneError } from '../intune-error.js'
import type { AppSyncClient } from '../partner-client.js'
import type { PhoneApps } from '../partner-wire.js'
import { findSwitches, listPhonesForApps, saveAppsTaken, type AppSyncPhone } from './app-sync-repository.js'
import { scopeOf } from './apply-page.js'
import type { RoundContext, StepResult } from './reconcile-tenant.js'
import { addCounts, NO_COUNTS, type EmptyReason, type RoundCounts, type RoundPosition } from './round.js'

export interface AppSyncDeps {
  readonly client: AppSyncClient
  /** Where lists of apps go, as what other systems say of phones. */
  readonly journal: IngestDeps['journal']
  readonly callBudget?: CallBudget | undefined
}

/** Phones that a message asks about: the adapter takes so many in one document. */
const PHONES = 100
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 2_000
const ANSWER_LIMIT_MS = 30_000
/** Opt-in switches of the connector, as Graph names them, and how the admin centre does. */
const SWITCH = 'allowPartnerToCollectIOSApplicationMetadata'
const FULL_SWITCH = 'allowPartnerToCollectIOSPersonalApplicationMetadata'
const SWITCH_WORDS = '"Enable App Sync for iOS devices"'
const FULL_SWITCH_WORDS = '"Send full application inventory data on personally-owned iOS/iPadOS devices"'

const EMPTY_WORDS: Readonly<Record<EmptyReason, string>> = {
  'not-enrolled': 'not enrolled in Intune, only registered in Entra',
  'no-check-in': 'has not checked in with Intune yet',
  personal: `personally owned, and ${FULL_SWITCH_WORDS} is off`,
  unknown: 'Intune does not say why'
}

/** Asks Intune for the apps of some iPhones and iPads and hands its answers on as telemetry. `link` is the last phone that was asked for. */
export async function syncApps (context: RoundContext, { link: after }: RoundPosition): Promise<StepResult> {
  const { deps, round } = context
  if (deps.apps === undefined) return { outcome: { state: 'skipped' } }
  if (context.outcomeOf('connector')?.state !== 'ok') return { outcome: { state: 'unknown', words: 'Whether App Sync is on is not known, because the connector could not be read.' } }
  const switches = await findSwitches(deps.db, round.tenantId) ?? {}
  if (switches[SWITCH] !== true) {
    return { outcome: { state: 'skipped', words: `App Sync is off: no apps of iPhones and iPads come from Intune. To have them, turn on ${SWITCH_WORDS} in the connector in the Intune admin centre.` } }
  }
  const phones = await listPhonesForApps(deps.db, scopeOf(context), { after, limit: PHONES })
  if (phones.length === 0) return { outcome: toOutcome(context.countsSoFar()) }
  const answers = await askForApps(deps.apps, round.entraTenantId, phones, context.now())
  const counts = await takeAnswers(context, phones, answers, switches[FULL_SWITCH] === true)
  return { counts, next: { link: phones.at(-1)!.entraDeviceId } }
}

/** @throws IntuneError */
async function askForApps ({ client, callBudget }: AppSyncDeps, entraTenantId: string, phones: readonly AppSyncPhone[], at: Date): Promise<readonly PhoneApps[]> {
  const messageId = randomUUID()
  const allow = async (kind: 'write' | 'read'): Promise<void> => {
    for (;;) {
      const waitMs = await callBudget?.take(entraTenantId, kind) ?? 0
      if (waitMs === 0) return
      await sleep(waitMs)
    }
  }
  await allow('write')
  await client.requestApps(entraTenantId, { messageId, entraDeviceIds: phones.map(({ entraDeviceId }) => entraDeviceId), at })
  const startedAt = performance.now()
  for (let pauseMs = FIRST_PAUSE_MS; performance.now() - startedAt < ANSWER_LIMIT_MS; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    await sleep(pauseMs)
    await allow('read')
    const answer = await client.getApps(entraTenantId, messageId)
    if (answer.state === 'answered') return answer.phones
    if (answer.state === 'none') throw new IntuneError('unavailable', 'Intune has no answer to the question for apps.')
  }
  throw new IntuneError('unfinished', `Intune took the question ${messageId} for apps and has not answered it after ${ANSWER_LIMIT_MS / 1000} s.`)
}

async function takeAnswers (context: RoundContext, phones: readonly AppSyncPhone[], answers: readonly PhoneApps[], isFull: boolean): Promise<Partial<RoundCounts>> {
  const { deps, round } = context
  const answered = new Map(answers.map((answer) => [answer.entraDeviceId, answer]))
  const told = phones.flatMap((phone) => {
    const answer = answered.get(phone.entraDeviceId)
    return answer === undefined || answer.apps.length === 0 || answer.checkedInAt === undefined ? [] : [{ ...phone, ...answer, checkedInAt: answer.checkedInAt }]
  })
  let counts = addCounts(NO_COUNTS, { appsAsked: phones.length })
  for (const phone of phones) {
    if (told.some(({ entraDeviceId }) => entraDeviceId === phone.entraDeviceId)) continue
    // An empty list does not say that there are no apps, so it becomes no report.
    counts = addCounts(counts, { appsEmpty: { [emptyReason(phone, answered.get(phone.entraDeviceId), isFull)]: 1 } })
  }
  if (told.length === 0) return counts

  const document = { devices: told.map(({ entraDeviceId, checkedInAt, apps }) => ({ entraDeviceId, collectedAt: checkedInAt, apps })) }
  const outcomes = await ingestVocabulary({ db: deps.db, journal: deps.apps!.journal }, {
    tenantId: round.tenantId, vocabulary: 'intune-app-sync', body: Buffer.from(JSON.stringify(document)), now: context.now()
  })
  const taken = told.filter((_phone, index) => outcomes[index]?.error === undefined)
  for (const { error, deviceId } of outcomes) if (error !== undefined) deps.log.warn({ err: error, tenantId: round.tenantId, deviceId }, 'apps that Intune told of could not be taken')
  await saveAppsTaken(deps.db, scopeOf(context), taken)
  return addCounts(counts, {
    appsTaken: taken.length, appsRefused: told.length - taken.length, appsManagedOnly: isFull ? 0 : taken.filter(({ isPersonal }) => isPersonal).length
  })
}

/** Why Intune told of no app of a phone, as far as anybody can know. */
export function emptyReason (phone: Omit<AppSyncPhone, 'deviceId' | 'entraDeviceId'>, answer: PhoneApps | undefined, isFull: boolean): EmptyReason {
  if (!phone.isEnrolledAtIntune) return 'not-enrolled'
  if (!phone.hasCheckedIn || (answer !== undefined && answer.checkedInAt === undefined)) return 'no-check-in'
  return phone.isPersonal && !isFull ? 'personal' : 'unknown'
}

function toOutcome ({ appsEmpty, appsManagedOnly }: RoundCounts): { readonly state: 'ok', readonly words?: string } {
  const words = Object.entries(appsEmpty).map(([reason, count]) => `No apps of ${count} ${count === 1 ? 'phone' : 'phones'}: ${EMPTY_WORDS[reason as EmptyReason]}.`)
  if (appsManagedOnly > 0) words.push(`Of ${appsManagedOnly} personally owned ${appsManagedOnly === 1 ? 'phone' : 'phones'} Intune passes on only the apps that it installed; for all, turn on ${FULL_SWITCH_WORDS}.`)
  return words.length === 0 ? { state: 'ok' } : { state: 'ok', words: words.join(' ') }
}
