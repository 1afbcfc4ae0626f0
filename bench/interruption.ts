import { constants } from 'node:os'

const stops = new Set<() => Promise<void>>()

/** @returns `stop`, which is called as well when the benchmark is interrupted before */
export function stopWhenInterrupted (stop: () => Promise<void>): () => Promise<void> {
  const stopOnce = async (): Promise<void> => {
    if (stops.delete(stopOnce)) await stop()
  }
  stops.add(stopOnce)
  return stopOnce
}

/** From now on SIGINT and SIGTERM stop what was started, the last first, and end the process with the code that shells give them. */
export function stopOnSignals (): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // What is going on fails now because its other half is gone.
      process.on('uncaughtException', () => {})
      void stopAll().then(() => process.exit(128 + constants.signals[signal]))
    })
  }
}

async function stopAll (): Promise<void> {
  for (const stop of [...stops].reverse()) {
    await stop().catch((error: unknown) => process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`))
  }
}
