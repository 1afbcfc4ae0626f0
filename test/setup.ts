import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CLUSTER_FILE } from './helpers/cluster.js'

// One throw-away PostgreSQL serves all test files; it lives in a process of its own until
// teardown.ts ends that process, or at the latest until a time limit does.
const keeper = spawn(process.execPath, [...process.execArgv, fileURLToPath(new URL('./helpers/keep-cluster.ts', import.meta.url))], {
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit']
})
const lines = createInterface({ input: keeper.stdout })
const [line] = await Promise.race([
  once(lines, 'line') as Promise<[string]>,
  once(keeper, 'exit').then(([code]) => { throw new Error(`the test cluster did not start (exit code ${String(code)})`) })
])
writeFileSync(CLUSTER_FILE, line)
lines.close()
keeper.stdout.destroy()
keeper.unref()
