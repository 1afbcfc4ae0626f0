import { readFile } from 'node:fs/promises'
import pc from 'picocolors'
import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import type { ConsentLink } from '../onboarding/consent.js'
import type { Check, Diagnosis } from '../onboarding/doctor/check.js'
import type { SetupAnswer } from '../onboarding/setup/setup-intune.js'
import { type Limit, LIMITS, type SetupWish, SetupWishSchema } from '../onboarding/setup/wish.js'
import { requireGuid } from './administer.js'
import { withOnboarding } from './open-onboarding.js'
import { say } from './say.js'

interface Options { tenant?: string, dataDir?: string, json?: boolean }

/** `sallyport tenant connect`: the link on which an administrator consents. */
export async function runConnectTenant (options: Options & { new?: string, entraTenantId?: string, app: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const { new: newName, entraTenantId, app, tenant } = options
  if (app !== 'partner' && app !== 'setup') throw new Error('--app must be partner or setup')
  if (newName !== undefined && tenant !== undefined) throw new Error('--new adds a customer; it cannot go with --tenant')
  if (entraTenantId !== undefined && newName === undefined) throw new Error('--entra-tenant-id goes with --new: a customer that is there has one')
  if (entraTenantId !== undefined) requireGuid('--entra-tenant-id', entraTenantId)
  await withOnboarding(env, options.dataDir, async (onboarding) => {
    const link = newName === undefined ? await onboarding.connect(tenant, app) : await onboarding.invite(newName, entraTenantId)
    say(options.json === true ? `${JSON.stringify(link)}\n` : describeLink(link))
  })
}

const describeLink = ({ url, expiresAt, redirectUri }: ConsentLink): string =>
  `Have a Global Administrator of the tenant open this link before ${expiresAt}. It is good once.\n\n${url}\n\nOur app registration must list ${redirectUri} as a redirect URI (type Web).\n`

/** `sallyport doctor`: what is wrong and how to repair it. Ends with 1 when something is broken. */
export async function runDoctor (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  await withOnboarding(env, options.dataDir, async (onboarding) => {
    const diagnosis = options.tenant === undefined ? await onboarding.diagnoseInstallation() : await onboarding.diagnose(options.tenant)
    say(options.json === true ? `${JSON.stringify(diagnosis)}\n` : describeDiagnosis(diagnosis))
    if (!diagnosis.healthy) process.exitCode = 1
  })
}

const MARKS: Readonly<Record<Check['state'], string>> = { ok: pc.green('ok     '), warning: pc.yellow('warning'), broken: pc.red('BROKEN '), unknown: pc.dim('unknown') }

export function describeDiagnosis ({ checks }: Diagnosis): string {
  const width = Math.max(...checks.map(({ check }) => check.length))
  const lines = checks.flatMap(({ check, state, text, nextAction }) => [`${MARKS[state]}  ${check.padEnd(width)}  ${text}`, ...(nextAction === null ? [] : [`${' '.repeat(width + 11)}→ ${nextAction}`])])
  const count = (state: Check['state']): number => checks.filter((check) => check.state === state).length
  return `${lines.join('\n')}\n\n${count('broken')} broken, ${count('warning')} to look at, ${count('unknown')} not looked at\n`
}

export interface SetupOptions extends Options {
  plan?: boolean
  undo?: boolean
  acceptConflicts?: boolean
  file?: string
  androidPackage?: string
  iosBundle?: string
  iosStoreUrl?: string
  limit?: string
  group?: string[]
}

/** `sallyport tenant setup-intune`: plan, apply, undo. Ends with 1 when a step failed or the plan is blocked. */
export async function runSetUpIntune (options: SetupOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const wish = await wishOf(options)
  const { plan = false, undo = false, acceptConflicts = false } = options
  await withOnboarding(env, options.dataDir, async (onboarding) => {
    const answer = await onboarding.setUp(options.tenant, { wish, plan, undo, acceptConflicts })
    say(options.json === true ? `${JSON.stringify(answer)}\n` : describeSetup(answer, plan))
    if (answer.lastError !== null || (plan && !acceptConflicts && answer.conflicts.some(({ blocking }) => blocking))) process.exitCode = 1
  })
}

/** From a file, or from options; undefined: what was wished last. @throws naming every fault */
async function wishOf ({ file, androidPackage, iosBundle, iosStoreUrl, limit = 'low', group }: SetupOptions): Promise<SetupWish | undefined> {
  const some = [androidPackage, iosBundle, iosStoreUrl, group].some((one) => one !== undefined)
  if (file !== undefined && some) throw new Error('--file holds everything; it cannot go with --android-package, --ios-bundle, --ios-store-url and --group')
  if (file === undefined && !some) return undefined
  if (!(LIMITS as readonly string[]).includes(limit)) throw new Error(`--limit must be one of ${LIMITS.join(', ')}`)
  if ((iosBundle === undefined) !== (iosStoreUrl === undefined)) throw new Error('--ios-bundle and --ios-store-url go together')
  const wish: unknown = file !== undefined
    ? parse(await readFile(file, 'utf8'))
    : {
        ...(androidPackage === undefined ? {} : { android: { packageId: androidPackage, limit: limit as Limit } }),
        ...(iosBundle === undefined ? {} : { ios: { bundleId: iosBundle, storeUrl: iosStoreUrl, limit: limit as Limit } }),
        ...(group === undefined ? {} : { groups: group })
      }
  const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }))
  if (ajv.validate<SetupWish>(SetupWishSchema, wish)) return wish
  throw new Error(['The setup has faults:', ...(ajv.errors ?? []).map(({ instancePath, message, params }: ErrorObject) => `  ${instancePath || '/'}: ${message ?? 'is not valid'}${'additionalProperty' in params ? ` (${String(params.additionalProperty)})` : ''}`)].join('\n'))
}

const STEP_MARKS = { planned: pc.cyan('would '), done: pc.green('done  '), failed: pc.red('FAILED'), 'not-reached': pc.dim('later ') } as const

export function describeSetup ({ steps, conflicts, lastError, complete }: SetupAnswer, plan: boolean): string {
  const lines = [
    ...steps.flatMap(({ state, text, error, action }) => [`${action === 'keep' ? pc.dim('is so ') : STEP_MARKS[state]}  ${text}`, ...(error === null ? [] : [`        ${error}`])]),
    ...conflicts.flatMap(({ blocking, text, remedy }) => ['', `${blocking ? pc.red('CONFLICT') : pc.yellow('note')}: ${text}`, `  → ${remedy}`])
  ]
  const end = plan
    ? complete === true ? 'Nothing has to be done.' : 'Nothing was changed; without --plan it would be.'
    : lastError === null ? 'All is done.' : 'It did not come to its end; the same command goes on from here.'
  return `${lines.join('\n')}\n\n${end}\n`
}
