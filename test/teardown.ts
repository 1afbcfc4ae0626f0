import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { isAlive } from '../src/platform/process-identity.js'
import { type Cluster, clusterFileOf, logFolderOf, RUN_PID } from './helpers/cluster.js'
import { scanLogs } from './helpers/scan-logs.js'

const { keeperPid } = JSON.parse(readFileSync(clusterFileOf(RUN_PID), 'utf8')) as Cluster
process.kill(keeperPid, 'SIGTERM')
while (isAlive(keeperPid)) await wait(20)

// Everything has been logged by now. A secret in it fails the run, whichever test it was.
const { leaks } = scanLogs(logFolderOf(RUN_PID))
rmSync(logFolderOf(RUN_PID), { recursive: true, force: true })
if (leaks.length > 0) {
  for (const { what, file, line, text } of leaks.slice(0, 20)) console.error(`a log holds a secret (${what}): ${file}:${line}: ${text}`)
  console.error(`${leaks.length} lines of the logs of this run hold a secret`)
  process.exitCode = 1
}
