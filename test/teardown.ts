import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { isAlive } from '../src/platform/process-identity.js'
import { type Cluster, clusterFileOf, RUN_PID } from './helpers/cluster.js'

const { keeperPid } = JSON.parse(readFileSync(clusterFileOf(RUN_PID), 'utf8')) as Cluster
process.kill(keeperPid, 'SIGTERM')
while (isAlive(keeperPid)) await wait(20)
