import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { createTenantRules } from '../devices/rules/tenant-rules.js'
import { type PolicyPreview, previewPolicyOf } from '../devices/rules/preview.js'
import { createIntelCache } from '../intel/index/intel-cache.js'
import { applyPolicy, getPolicy, getPolicyVersion, parsePolicy } from '../operators/policies.js'
import { describeError } from './open-intel.js'
import { type OpenedDatabase, tenantOf, withStore } from './open-database.js'
import { oneLine, say, showable } from './say.js'

interface Options { tenant?: string, dataDir?: string, json?: boolean }

const ACTOR = 'command line'

/** `sallyport policy get`: the policy in force as its author wrote it, or with all that is built in. */
export async function runGetPolicy (options: Options & { effective?: boolean, version?: number }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, options.dataDir, async ({ db }) => {
    const tenantId = await tenantOf(db, options.tenant)
    const { version: current, ...policy } = await getPolicy({ db }, { tenantId })
    const version = options.version ?? current
    if (options.effective === true) return say(options.json === true ? `${JSON.stringify({ version: current, ...policy })}\n` : `# version ${current}, with what is built in\n${stringify(policy)}`)
    if (version === 0) return say(options.json === true ? '{"version":0}\n' : '# version 0: the built-in policy; --effective shows it\n')
    const { source, document, author, createdAt } = await getPolicyVersion({ db }, { tenantId, version }).catch(fail)
    const text = options.json === true ? `${JSON.stringify({ version, author, createdAt, document })}\n` : `# version ${version}, by ${author}, ${createdAt}\n${source.endsWith('\n') ? source : `${source}\n`}`
    // Into a file it goes as it was written.
    process.stdout.write(process.stdout.isTTY ? showable(text) : text)
  })
}

/** `sallyport policy set FILE`: puts it in force; workers then judge all phones by it. @throws naming every fault */
export async function runSetPolicy (file: string, options: Options & { ifVersion?: number, comment?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const text = await readPolicyFile(file)
  await withStore(env, options.dataDir, async (store) => {
    const intel = (await store.queues()).producer('intel')
    const tenantId = await tenantOf(store.db, options.tenant)
    const applied = await applyPolicy({ db: store.db, intel }, { tenantId, text, expected: options.ifVersion ?? 'any', actor: ACTOR, comment: options.comment }).catch(fail)
    if (options.json === true) return say(`${JSON.stringify(applied)}\n`)
    say(applied.changed ? `version ${applied.version} is in force; the phones are being judged by it\n` : `version ${applied.version}, which is in force, says the same\n`)
  })
}

/** `sallyport policy preview FILE`: what it would change, from what is stored; nothing is changed. */
export async function runPreviewPolicy (file: string, options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const { version: _, ...document } = await parse(await readPolicyFile(file))
  await withStore(env, options.dataDir, async (store) => {
    const tenantId = await tenantOf(store.db, options.tenant)
    const preview = await previewOf(store, tenantId, document)
    say(options.json === true ? `${JSON.stringify(preview)}\n` : describePreview(preview))
  })
}

async function previewOf ({ db, databaseUrl, log, lifecycle }: OpenedDatabase, tenantId: string, document: Parameters<typeof previewPolicyOf>[1]['document']): Promise<PolicyPreview> {
  const intel = await createIntelCache({ db, log })
  lifecycle.onStop('intelligence', async () => await intel.close())
  const rules = (await createTenantRules().read(db, [tenantId])).get(tenantId)!
  return await previewPolicyOf({ db, databaseUrl, intel: intel.current(), now: new Date() }, { tenantId, rules, document })
}

function describePreview ({ devices, byLevel, changes, newlyNoncompliant, newlyCompliant, examples, seconds }: PolicyPreview): string {
  const lines = [`${devices} phones, ${seconds.toFixed(1)} seconds`, '']
  for (const level of ['secured', 'low', 'medium', 'high'] as const) lines.push(`  ${level.padEnd(8)} now ${String(byLevel.now[level]).padStart(8)}   then ${String(byLevel.then[level]).padStart(8)}`)
  lines.push('', changes.length === 0 ? 'No level changes.' : 'Levels that change:')
  for (const { from, to, count, because } of changes) lines.push(`  ${from} → ${to}: ${count}${because.length === 0 ? '' : `, because of ${because.map((one) => `${one.detection} (${one.count})`).join(', ')}`}`)
  lines.push('')
  for (const limit of ['secured', 'low', 'medium'] as const) lines.push(`  Where Intune allows at most ${limit}: ${newlyNoncompliant[limit]} phones blocked anew, ${newlyCompliant[limit]} let in again`)
  if (examples.length > 0) lines.push('', 'For example:')
  for (const { deviceId, from, to, findings } of examples) lines.push(`  ${deviceId}: ${from} → ${to}${findings.map(({ title, detection }) => `\n    ${detection}: ${oneLine(title)}`).join('')}`)
  return lines.join('\n') + '\n'
}

async function readPolicyFile (file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => { throw new Error(`${file}: ${describeError(error)}`) })
}

async function parse (text: string): Promise<ReturnType<typeof parsePolicy>> {
  try {
    return parsePolicy(text)
  } catch (error) {
    return fail(error)
  }
}

function fail (error: unknown): never {
  throw new Error(describeError(error))
}
