import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { threadFile } from '../src/platform/thread.js'
import { RUN_PID } from './helpers/cluster.js'

// One throw-away PostgreSQL serves all test files of a run; it lives in a process of its own
// until teardown.ts ends that process, or the run is gone.
const keeper = spawn(process.execPath, [...process.execArgv, fileURLToPath(threadFile('helpers/keep-cluster', import.meta.url)), String(RUN_PID)], {
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit']
})
await Promise.race([
  once(keeper.stdout, 'data'),
  once(keeper, 'exit').then(([code]) => { throw new Error(`the test cluster did not start (exit code ${String(code)})`) })
])
keeper.stdout.destroy()
keeper.unref()
