import { readFile } from 'node:fs/promises'
import { PLATFORM_CHAIN } from '../operators/audit-chain.js'
import { noteHeads, readNotedHeads } from '../operators/audit-heads.js'
import { type AuditVerdict, type VerifiedChain, verifyAudit } from '../operators/verify-audit.js'
import { openCommandSecrets } from './command-secrets.js'
import { tenantOf, withStore } from './open-database.js'
import { say } from './say.js'

interface Options { dataDir?: string, json?: boolean }

/** Faults that are printed of a chain; `--json` has them all. */
const MOST_SHOWN = 20

/** `sallyport audit verify`: whether the audit is what was written; exits 1 when it is not. */
export async function runVerifyAudit (options: Options & { tenant?: string, head?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const { head } = options
  const secrets = head === undefined ? undefined : await openCommandSecrets(env, options.dataDir)
  const note = head === undefined ? undefined : readNotedHeads(await readFile(head, 'utf8'), secrets)
  if (note?.sealed === false) throw new Error(`--head: ${head!} was not made by this installation, was changed since, or was sealed under a key that SECRETS_KEY no longer has`)
  await withStore(env, options.dataDir, async ({ db }) => {
    const chain = options.tenant === undefined ? undefined : await tenantOf(db, options.tenant)
    const verdict = await verifyAudit({ db }, { chain, ...(note === undefined ? {} : { noted: note.noted.heads }) })
    say(options.json === true ? `${JSON.stringify(verdict)}\n` : describeVerdict(verdict, note?.noted.at))
    if (!verdict.intact) process.exitCode = 1
  })
}

/** `sallyport audit head`: the last entry of each chain, to be kept elsewhere. */
export async function runNoteAuditHeads (options: { dataDir?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const secrets = await openCommandSecrets(env, options.dataDir)
  await withStore(env, options.dataDir, async ({ db }) => {
    say(`${JSON.stringify(await noteHeads({ db, secrets }), null, 2)}\n`)
  })
}

/** A verdict as people read it. */
export function describeVerdict ({ intact, chains }: AuditVerdict, notedAt?: string): string {
  const lines = chains.flatMap(describeChain)
  const entries = chains.reduce((sum, chain) => sum + chain.entries, 0)
  const end = intact
    ? `The audit is intact: ${entries} entries in ${chains.length} chains${notedAt === undefined ? '; what was cut off at the end is found only with --head' : `, and they hold what was noted at ${notedAt}`}.`
    : 'The audit was tampered with, or damaged.'
  return `${[...lines, '', end].join('\n')}\n`
}

function describeChain ({ chain, entries, head, faults }: VerifiedChain): string[] {
  const name = chain === PLATFORM_CHAIN ? 'platform' : `tenant ${chain}`
  return [
    `${name}: ${entries} entries${head === null ? '' : `, the last ${head.hash}`}${faults.length === 0 ? '' : `, ${faults.length} FAULTS`}`,
    ...faults.slice(0, MOST_SHOWN).map(({ message }) => `  ${message}`),
    ...(faults.length > MOST_SHOWN ? [`  and ${faults.length - MOST_SHOWN} more`] : [])
  ]
}
