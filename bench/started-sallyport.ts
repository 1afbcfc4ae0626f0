import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { loadEmbeddedSecretsKey } from '../src/commands/embedded-secrets-key.js'
import { packageRoot } from '../src/platform/package-root.js'
import { stopWhenInterrupted } from './interruption.js'

export interface StartedSallyport {
  readonly apiUrl: string
  readonly opsUrl: string
  readonly simulatorUrl: string
  readonly tenantId: string
  readonly entraTenantId: string
  readonly operatorToken: string
  readonly enrollmentToken: string
  readonly databaseUrl: string
  /** SECRETS_KEY of this installation. */
  readonly secretsKey: string
  readonly processes: ReadonlyArray<{ readonly name: string, readonly pid: number }>
  stop (): Promise<void>
}

/** A data folder for a benchmark. */
export async function makeDataDir (): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-bench-'))
  // As root, PostgreSQL is another user, who must get in; otherwise its cluster would be kept elsewhere.
  await chmod(dataDir, 0o711)
  stopWhenInterrupted(async () => await rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  return dataDir
}

export interface StartOptions {
  readonly workers: number
  readonly redisUrl?: string
  /** A folder that was filled before, and that stays; by default a new one, which goes. */
  readonly filled?: string
  /** Settings of its processes. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts everything as `sallyport up --workers N` does, on a data folder that is kept as safe as any. */
export async function startSallyport ({ workers, redisUrl, filled, env = {} }: StartOptions): Promise<StartedSallyport> {
  const dataDir = filled ?? await makeDataDir()
  // Node's own options reach every process: `node --cpu-prof dist/bench/run.js …` profiles them all.
  const child = spawn(process.execPath, [
    ...process.execArgv, join(packageRoot, 'bin/sallyport.js'), 'up', '--json', '--port', '0', '--ops-port', '0', '--simulator-port', '0', '--data-dir', dataDir, '--workers', String(workers)
  ], { env: { ...process.env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn', ...env, ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) }, stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = stopWhenInterrupted(async () => {
    await end(child)
    if (filled === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  try {
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const told = async <T>(): Promise<T> => {
      const line = await lines.next()
      if (line.done === true) throw new Error('it ended before it was ready')
      return JSON.parse(line.value) as T
    }
    const ready = await told<Record<string, string>>()
    const { processes, databaseUrl } = await told<Pick<StartedSallyport, 'processes' | 'databaseUrl'>>()
    return {
      apiUrl: ready.api!, opsUrl: ready.ops!, simulatorUrl: ready.intuneSimulator!, tenantId: ready.tenantId!, entraTenantId: ready.entraTenantId!, operatorToken: ready.operatorToken!, enrollmentToken: ready.enrollmentToken!,
      processes, databaseUrl, secretsKey: await loadEmbeddedSecretsKey(dataDir), stop
    }
  } catch (error) {
    await stop()
    throw new Error('Sallyport did not start', { cause: error })
  }
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
