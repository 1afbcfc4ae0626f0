import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package-root.js'

const folder = join(packageRoot, '.tap')
mkdirSync(folder, { recursive: true })

/** Where setup.ts leaves word of the cluster of this run. */
export const CLUSTER_FILE = join(folder, 'test-cluster.json')

/** The database every test's own is cloned from. */
export const TEMPLATE = 'sallyport_template'

export interface Cluster {
  /** Connection string of the cluster's own database. */
  readonly url: string
  /** The process that keeps it; it stops the cluster when asked to end. */
  readonly keeperPid: number
}
