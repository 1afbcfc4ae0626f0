import { readFileSync, rmSync } from 'node:fs'
import { type Cluster, CLUSTER_FILE } from './helpers/cluster.js'

const { keeperPid } = JSON.parse(readFileSync(CLUSTER_FILE, 'utf8')) as Cluster
process.kill(keeperPid, 'SIGTERM')
rmSync(CLUSTER_FILE)
