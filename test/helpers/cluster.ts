import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package-root.js'

const folder = join(packageRoot, '.tap')
mkdirSync(folder, { recursive: true })

/** The tap that runs us: the parent of setup.ts, teardown.ts and of every test file alike; what they start hears of it. */
export const RUN_PID = Number(process.env.SALLYPORT_TEST_RUN ?? process.ppid)
process.env.SALLYPORT_TEST_RUN = String(RUN_PID)

/** Where everything is kept that the run logs, until teardown.ts has looked through it. */
export const logFolderOf = (runPid: number): string => join(folder, `logs-${runPid}`)

/** Where word is left of the cluster of a run; each run has its own, because several may go on in one clone. */
export const clusterFileOf = (runPid: number): string => join(folder, `test-cluster-${runPid}.json`)

/** The database every test's own is cloned from. */
export const TEMPLATE = 'sallyport_template'

export interface Cluster {
  /** Connection string of the cluster's own database. */
  readonly url: string
  /** The process that keeps it; it stops the cluster when asked to end. */
  readonly keeperPid: number
}
