import { runNpm } from './npm.js'

/** An advisory that does not touch us, or that nobody has mended yet. */
export interface AuditException {
  /** `GHSA-…`. */
  readonly id: string
  readonly reason: string
  /** It counts again from this day on (ISO 8601): an exception is looked at anew. */
  readonly until: string
}

/** Known advisories that do not fail the check. */
export const EXCEPTIONS: readonly AuditException[] = []

export interface AuditVerdict {
  readonly outcome: 'clean' | 'vulnerable' | 'unanswered'
  readonly lines: readonly string[]
}

interface Advisory { readonly title?: string, readonly url?: string, readonly severity?: string, readonly range?: string }
interface AuditAnswer {
  readonly error?: { readonly code?: string, readonly summary?: string }
  readonly message?: string
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string, readonly via: ReadonlyArray<string | Advisory> }>>
}

const FAILING = new Set(['high', 'critical'])

/** What npm's answer to `npm audit --json` means: severe advisories, besides those excepted, fail. */
export function judgeAudit (text: string, { exceptions = EXCEPTIONS, today = new Date() }: { readonly exceptions?: readonly AuditException[], readonly today?: Date } = {}): AuditVerdict {
  let answer: AuditAnswer
  try {
    answer = JSON.parse(text) as AuditAnswer
  } catch {
    return { outcome: 'unanswered', lines: ['npm audit gave no answer'] }
  }
  if (answer.vulnerabilities === undefined) return { outcome: 'unanswered', lines: [`the registry does not audit: ${answer.error?.summary ?? answer.message ?? answer.error?.code ?? 'no reason given'}`] }
  const excepted = new Set(exceptions.filter(({ until }) => Date.parse(until) > today.getTime()).map(({ id }) => id))
  const found = Object.entries(answer.vulnerabilities).flatMap(([name, { via }]) => via.filter((one): one is Advisory => typeof one === 'object').map((one) => ({ name, ...one })))
  const counted = found.filter(({ severity, url }) => FAILING.has(severity ?? '') && !excepted.has(url?.split('/').at(-1) ?? ''))
  return {
    outcome: counted.length > 0 ? 'vulnerable' : 'clean',
    lines: found.map((one) => `${counted.includes(one) ? 'FAILS' : 'noted'} ${one.severity ?? '?'} ${one.name} ${one.range ?? ''}: ${one.title ?? ''} ${one.url ?? ''}`)
  }
}

if (process.argv[1]?.endsWith('/audit.js') === true) {
  const { stdout } = runNpm(['audit', '--omit=dev', '--json'])
  const { outcome, lines } = judgeAudit(stdout)
  for (const line of lines) process.stderr.write(`${line}\n`)
  process.stdout.write(`dependencies: ${outcome}\n`)
  // A registry that does not answer is no reason to stop, unless somebody wants it to be.
  if (outcome === 'vulnerable' || (outcome === 'unanswered' && process.argv.includes('--strict'))) process.exitCode = 1
}
