import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { findFreePort } from '../src/platform/free-port.js'
import { packageRoot } from '../src/platform/package-root.js'
import type { StartedSallyport } from './started-sallyport.js'

const READY_MS = 60_000
const POLL_MS = 50
/** It talks to nobody at Microsoft, and is not to start a simulator. */
const CLIENT = { INTUNE_CLIENT_ID: '00000000-0000-4000-8000-0000000000aa', INTUNE_CLIENT_SECRET: 'not-a-secret-of-anybody' }

export interface AnotherApi {
  readonly url: string
  readonly pid: number
  stop (): Promise<void>
}

/** One more API process for an installation, as behind a load balancer. */
export async function startAnotherApi ({ databaseUrl, secretsKey, apiUrl }: StartedSallyport, redisUrl: string | undefined): Promise<AnotherApi> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const child = spawn(process.execPath, [...process.execArgv, join(packageRoot, 'bin/sallyport.js'), 'api'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...CLIENT,
      DATABASE_URL: databaseUrl,
      SECRETS_KEY: secretsKey,
      // What the phones' assertions are meant for.
      PUBLIC_URL: apiUrl,
      PORT: String(port),
      OPS_PORT: String(opsPort),
      STOP_DELAY_SECONDS: '0',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl })
    }
  })
  const stop = async (): Promise<void> => await end(child)
  try {
    for (const deadline = Date.now() + READY_MS; (await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined))?.ok !== true; await wait(POLL_MS)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`an API ended with ${child.signalCode ?? child.exitCode}`)
      if (Date.now() > deadline) throw new Error(`an API was not ready in ${READY_MS / 1000} s`)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, stop }
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
