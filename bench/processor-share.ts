import { cpus } from 'node:os'

/** How busy all processors of this machine are from now until it is asked, from 0 to 1, whoever keeps them so. */
export function watchProcessors (): () => number {
  const before = read()
  return () => {
    const now = read()
    return 1 - (now.idle - before.idle) / (now.total - before.total)
  }
}

function read (): { readonly idle: number, readonly total: number } {
  const times = cpus().map(({ times }) => times)
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    total: times.reduce((sum, one) => sum + Object.values(one).reduce((a, b) => a + b, 0), 0)
  }
}
