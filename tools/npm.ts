import { spawnSync } from 'node:child_process'
import { packageRoot } from '../src/platform/package-root.js'

/** Runs npm in the clone: the one that runs us, else the one on the PATH. */
export function runNpm (args: readonly string[], { timeoutMs = 120_000 } = {}): { readonly status: number | null, readonly stdout: string, readonly stderr: string } {
  const cli = process.env.npm_execpath
  const [command, ...first] = cli === undefined || !/\.c?js$/.test(cli) ? ['npm'] : [process.execPath, cli]
  return spawnSync(command!, [...first, ...args], { cwd: packageRoot, encoding: 'utf8', timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] })
}
