/** What a phase of reports took. */
export interface Phase {
  readonly reports: number
  /** Of reports that were committed together. */
  readonly groups: number
  readonly perSecond: number
  /** Processor milliseconds, by kind of process. */
  readonly cpuMs: Readonly<Record<string, number>>
  readonly walBytes: number
}

/** Of one report. */
export interface Prediction { readonly predicted: number, readonly measured: number, readonly ratio: number }

/**
 * Processor milliseconds of a report by what two other phases took: so much a report, and so much a group that is committed and scored together
 * (the sums of docs/capacity.md). Two phases with as many reports a group say nothing of groups.
 */
export function fitCost ([one, other]: readonly [Phase, Phase], asked: Phase, role: string): Prediction {
  const point = (phase: Phase): { groups: number, ms: number } => ({ groups: phase.groups / phase.reports, ms: (phase.cpuMs[role] ?? 0) / phase.reports })
  const [a, b, measured] = [point(one), point(other), point(asked)]
  const ofGroup = a.groups === b.groups ? 0 : Math.max(0, (b.ms - a.ms) / (b.groups - a.groups))
  const predicted = a.ms + ofGroup * (measured.groups - a.groups)
  return toPrediction(predicted, measured.ms)
}

/**
 * Bytes of log of a report: what it takes on pages that were changed since the last checkpoint, and for the share of them that are the
 * first on their page the rest of a whole page. Phones report in no order of pages, so that share is the usual one of draws with replacement.
 */
export function predictWal ({ hot, cold }: { readonly hot: number, readonly cold: number }, { reports, walBytes, pages }: Pick<Phase, 'reports' | 'walBytes'> & { readonly pages: number }): Prediction {
  const touched = pages * (1 - (1 - 1 / pages) ** reports)
  return toPrediction(hot + (cold - hot) * Math.min(1, touched / reports), walBytes / reports)
}

const toPrediction = (predicted: number, measured: number): Prediction => ({ predicted: fine(predicted), measured: fine(measured), ratio: fine(measured / predicted) })
/** Three figures are as much as it is good for. */
const fine = (value: number): number => Number(value.toPrecision(3))
