import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readFeed } from '../intel/feeds/index.js'
import { readValue } from '../intel/feeds/feed-value.js'
import { buildIntelIndex } from '../intel/index/intel-index.js'
import { BUILT_IN_GUARD, whyGuarded } from '../intel/indicators/shared-hosts.js'
import type { IntelEntry, IntelView } from '../intel/intel-view.js'
import type { VulnerabilityRow } from '../intel/vulnerabilities/vulnerability.js'
import { parsePolicy } from '../operators/policies.js'
import { packageRoot } from '../platform/package-root.js'
import { assess } from '../risk/assess.js'
import type { Level } from '../risk/level.js'
import type { PolicyDocument } from '../risk/policy/document.js'
import { resolvePolicy } from '../risk/policy/resolve-policy.js'
import { EMPTY_STATE } from '../telemetry/device-state.js'
import { mergeReport } from '../telemetry/merge.js'
import { describeError } from './open-intel.js'
import { type PolicyCase, readPolicyCases, toReport } from './policy-cases.js'
import { say } from './say.js'

interface Options { readonly expect: readonly string[], readonly feed?: readonly string[], readonly json?: boolean }

/** How a case came out. */
export interface CaseOutcome {
  readonly name: string
  readonly passed: boolean
  /** What is otherwise than expected. */
  readonly faults: readonly string[]
  readonly level: Level
  readonly groups: readonly string[]
  /** `detection subject severity`, the worst first. */
  readonly findings: readonly string[]
}

interface Known { readonly entries: readonly IntelEntry[], readonly vulnerabilities: readonly VulnerabilityRow[] }

const HOUR_MS = 60 * 60 * 1000
const MINUTE_MS = 60 * 1000

/**
 * `sallyport policy test FILE --expect CASES`: judges the phones of the cases by the policy and compares. Needs no database, so a policy
 * can be tested in the repository where it is kept; ends with 1 when a case fails. @throws naming every fault of policy or cases
 */
export async function runTestPolicy (file: string, { expect, feed = [], json = false }: Options): Promise<void> {
  const document = await readAs(file, parsePolicy)
  const cases = (await Promise.all(expect.map(async (one) => await readAs(one, readPolicyCases)))).flat()
  const known = await readFeeds(feed)
  const outcomes = cases.map((one) => judgeCase(one, document, known))
  const failed = outcomes.filter(({ passed }) => !passed).length
  say(json ? `${JSON.stringify({ passed: outcomes.length - failed, failed, cases: outcomes })}\n` : describeOutcomes(outcomes))
  if (failed > 0) process.exitCode = 1
}

/** Judges one phone as the workers would. */
export function judgeCase (one: PolicyCase, document: PolicyDocument, { entries, vulnerabilities }: Known): CaseOutcome {
  const now = one.now === undefined ? new Date() : new Date(one.now)
  const told = [...one.earlier ?? [], one.report]
  const state = told.reduce((merged, report, index) => {
    const receivedAt = new Date(now.getTime() - (told.length - 1 - index) * HOUR_MS)
    return mergeReport(merged, { report: toReport(report, index + 1, new Date(receivedAt.getTime() - MINUTE_MS).toISOString()), receivedAt }).state
  }, EMPTY_STATE)
  const { policy, groups } = resolvePolicy(document, document.version ?? 1, { platform: one.platform, ownership: one.ownership ?? null, tags: one.tags ?? [], entraGroups: one.entraGroups ?? [] })
  const { level, findings } = assess({ platform: one.platform, state, intel: intelOf([...entries, ...listedIn(one)], vulnerabilities), policy, now })
  const said = findings.map(({ detection, subject, severity }) => `${detection} ${subject} ${severity}`)
  const faults = compare(one, { level, groups, said })
  return { name: one.name, passed: faults.length === 0, faults, level, groups, findings: said }
}

function compare ({ level: expected, groups: expectedGroups, findings, finds = [], findsNot = [] }: PolicyCase, { level, groups, said }: { readonly level: Level, readonly groups: readonly string[], readonly said: readonly string[] }): string[] {
  // A detection alone stands for any finding of it.
  const isSaid = (finding: string): boolean => said.some((one) => one === finding || one.startsWith(`${finding} `))
  const isNamed = (one: string): boolean => findings!.some((finding) => one === finding || one.startsWith(`${finding} `))
  return [
    ...(expected === undefined || expected === level ? [] : [`level ${level} instead of ${expected}`]),
    ...(expectedGroups === undefined || [...expectedGroups].sort().join() === [...groups].sort().join() ? [] : [`in the groups ${groups.join(', ') || 'none'} instead of ${expectedGroups.join(', ') || 'none'}`]),
    ...[...findings ?? [], ...finds].filter((finding) => !isSaid(finding)).map((finding) => `does not find ${finding}`),
    ...(findings === undefined ? [] : said.filter((one) => !isNamed(one)).map((one) => `finds ${one}`)),
    ...findsNot.filter(isSaid).map((finding) => `finds ${said.find((one) => one === finding || one.startsWith(`${finding} `))!}`)
  ]
}

function listedIn ({ intel = [] }: PolicyCase): IntelEntry[] {
  return intel.map(({ type, value, threatClass = 'malware', role = 'artifact', family = 'Example' }) => {
    const read = readValue(type, value)
    if ('reason' in read) throw new Error(`${type} ${value}: ${read.reason}`)
    return { ...read, threatClass, role, family, feed: 'cases' }
  })
}

const intelOf = (entries: readonly IntelEntry[], vulnerabilities: readonly VulnerabilityRow[]): IntelView => buildIntelIndex({ version: 1, entries, vulnerabilities })

/** The feed that ships with Sallyport, and files in any format that can be imported. */
async function readFeeds (files: readonly string[]): Promise<Known> {
  const feeds = await Promise.all([join(packageRoot, 'src/intel/bundled/starter.yaml'), ...files].map(async (file, index) => {
    const { indicators, vulnerabilities } = await readAs(file, (text) => readFeed(text, 'auto'))
    const feed = index === 0 ? 'sallyport-starter' : file
    return {
      entries: indicators.filter((indicator) => whyGuarded(BUILT_IN_GUARD, indicator) === undefined).map((indicator) => ({ ...indicator, feed })),
      vulnerabilities: vulnerabilities.map((fact) => ({ feed, bundled: index === 0, fact }))
    }
  }))
  return { entries: feeds.flatMap(({ entries }) => entries), vulnerabilities: feeds.flatMap(({ vulnerabilities }) => vulnerabilities) }
}

async function readAs<T> (file: string, read: (text: string) => T): Promise<T> {
  try {
    return read(await readFile(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file}: ${describeError(error)}`)
  }
}

function describeOutcomes (outcomes: readonly CaseOutcome[]): string {
  const lines = outcomes.flatMap(({ name, passed, faults, level }) => [`${passed ? 'ok    ' : 'failed'} ${name}${passed ? ` (${level})` : ''}`, ...faults.map((fault) => `         ${fault}`)])
  const failed = outcomes.filter(({ passed }) => !passed).length
  return [...lines, '', failed === 0 ? `${outcomes.length} cases, all as expected` : `${failed} of ${outcomes.length} cases failed`].join('\n') + '\n'
}
