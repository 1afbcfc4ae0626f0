/** Weights of CVSS 3.0 and 3.1 (FIRST, "Common Vulnerability Scoring System v3.1: Specification", 7.4). */
const WEIGHTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 }
}
const PRIVILEGES = { U: { N: 0.85, L: 0.62, H: 0.27 }, C: { N: 0.85, L: 0.68, H: 0.5 } } as const
const MAX_LENGTH = 400

/** The base score of a CVSS 3 vector (`CVSS:3.1/AV:N/AC:L/…`); undefined for another version or a broken one. */
export function scoreOfVector (vector: string): number | undefined {
  if (vector.length > MAX_LENGTH || !/^CVSS:3\.[01]\//.test(vector)) return undefined
  const metrics = new Map(vector.split('/').slice(1).map((part) => part.split(':') as [string, string]))
  const weight = (name: string): number => WEIGHTS[name]?.[metrics.get(name) ?? ''] ?? NaN
  const scope = metrics.get('S') === 'C' ? 'C' : metrics.get('S') === 'U' ? 'U' : undefined
  if (scope === undefined) return undefined
  const privileges = PRIVILEGES[scope][metrics.get('PR') as 'N' | 'L' | 'H'] ?? NaN

  const lost = 1 - (1 - weight('C')) * (1 - weight('I')) * (1 - weight('A'))
  const impact = scope === 'U' ? 6.42 * lost : 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15
  const exploitability = 8.22 * weight('AV') * weight('AC') * privileges * weight('UI')
  if (Number.isNaN(impact + exploitability)) return undefined
  return impact <= 0 ? 0 : roundUp(Math.min((scope === 'U' ? 1 : 1.08) * (impact + exploitability), 10))
}

/** Appendix A of the specification: up to one decimal, whatever binary fractions do. */
function roundUp (score: number): number {
  const whole = Math.round(score * 100_000)
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10
}
