import { constants } from 'node:os'

const stops = new Set<() => Promise<void>>()

/** @returns `stop`, which is called as well when the benchmark is interrupted before; whoever calls it again waits for the first */
export function stopWhenInterrupted (stop: () => Promise<void>): () => Promise<void> {
  let stopping: Promise<void> | undefined
  const stopOnce = async (): Promise<void> => {
    stops.delete(stopOnce)
    await (stopping ??= stop())
  }
  stops.add(stopOnce)
  return stopOnce
}

/** From now on SIGINT and SIGTERM stop what was started, the last first, and end the process with the code that shells give them. */
export function stopOnSignals (): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // What is going on fails now because its other half is gone; that must not end us before all is stopped.
      process.on('uncaughtException', tell)
      void stopAll().then(() => process.exit(128 + constants.signals[signal]))
    })
  }
}

async function stopAll (): Promise<void> {
  for (const stop of [...stops].reverse()) {
    await stop().catch(tell)
  }
}

function tell (error: unknown): void {
  process.stderr.write(`while stopping: ${error instanceof Error ? error.message : String(error)}\n`)
}
