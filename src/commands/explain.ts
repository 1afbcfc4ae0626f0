import { explainDevice, type Explanation } from '../devices/explain-device.js'
import { type Replay, replayDevice } from '../devices/replay-device.js'
import { createIntelCache } from '../intel/index/intel-cache.js'
import { describeError } from './open-intel.js'
import { tenantOf, withStore } from './open-database.js'
import { oneLine, say } from './say.js'

interface Options { tenant?: string, dataDir?: string, json?: boolean, at?: string, replay?: boolean }

/** `sallyport explain DEVICE`: why it is judged as it is, or was. @throws when there is no such phone or moment */
export async function runExplain (device: string, options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const at = options.at === undefined ? undefined : new Date(options.at)
  if (at !== undefined && Number.isNaN(at.getTime())) throw new Error('--at must be a moment, such as 2026-11-23T12:00:00Z')
  await withStore(env, options.dataDir, async ({ db, log, lifecycle }) => {
    const reference = { tenantId: await tenantOf(db, options.tenant), deviceId: device }
    const refuse = (error: unknown): never => { throw new Error(`${device}: ${describeError(error)}`) }
    if (options.replay === true) {
      const intel = await createIntelCache({ db, log })
      lifecycle.onStop('intelligence', async () => await intel.close())
      const replay = await replayDevice({ db, intel }, reference).catch(refuse)
      say(options.json === true ? `${JSON.stringify(replay)}\n` : describeReplay(replay))
      if (!replay.same && replay.whole) process.exitCode = 1
      return
    }
    const explanation = await explainDevice({ db }, { ...reference, at }).catch(refuse)
    say(options.json === true ? `${JSON.stringify(explanation)}\n` : describeExplanation(explanation))
  })
}

const describeReplay = ({ reports, whole, same, stored, replayed }: Replay): string => same
  ? `${reports} reports, judged once more, give the same answer\n`
  : `${reports} reports, judged once more, give another answer${whole ? '' : ' (older ones have left the journal)'}\nstored:   ${stored}\nreplayed: ${replayed}\n`

/** An explanation as people read it. */
export function describeExplanation ({ deviceId, at, level, since, state, stale, score, findings, wayBack, rests }: Explanation): string {
  if (level === null) return `${deviceId} at ${at}: not judged yet\n`
  const lines = [`${deviceId} at ${at}: ${level} since ${since ?? 'its first report'} (${state}${stale ? ', this is the last level known' : ''}; priority ${score ?? 0})`]
  if (findings.length === 0) lines.push('', 'There is no finding.')
  for (const finding of findings) {
    const { detection, ruleVersion, severity, raisesLevel, title, evidence, intel, suppression, since: readsSince, firstSeen, expiresAt } = finding
    lines.push('', `${severity.toUpperCase()} ${detection} (rule version ${ruleVersion}${raisesLevel ? '' : ', only recorded'}${suppression === null ? '' : `, suppressed until ${suppression.expiresAt} by ${oneLine(suppression.owner)}: ${oneLine(suppression.reason)}`})`, `  ${oneLine(title)}`)
    for (const { path, value } of evidence) lines.push(`  ${path} = ${JSON.stringify(value)}`)
    if (intel !== null) lines.push(`  ${intel.type} ${oneLine(intel.value)} is listed for ${oneLine(intel.family)} by feed ${intel.feed}${intel.feedVersion === null ? '' : `, version ${intel.feedVersion}`}`)
    lines.push(`  first seen ${firstSeen}${readsSince === firstSeen ? '' : `, so since ${readsSince}`}${expiresAt === null ? '' : `, over by itself at ${expiresAt}`}`)
  }
  for (const { level: better, close } of wayBack) {
    lines.push('', `For ${better}:`)
    for (const { detection, subject, remediation, expiresAt } of close) lines.push(`  ${detection} ${oneLine(subject)}: ${remediation.user}${expiresAt === null ? '' : ` Or wait until ${expiresAt}.`}`)
  }
  lines.push('', `Rests on ${rests.sections.join(', ') || 'nothing'}; policy version ${rests.policyVersion ?? 'unknown'}${rests.groups.length === 0 ? '' : ` with groups ${rests.groups.join(', ')}`}, intelligence version ${rests.intelVersion ?? 'unknown'}.`)
  if (rests.unknown.length > 0) lines.push(`Unknown, because the phone told nothing of what they need: ${rests.unknown.join(', ')}.`)
  return lines.join('\n') + '\n'
}
