import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { nextMessage } from '../platform/children.js'
import type { FromPostgres, ToPostgres } from '../platform/children/keep-postgres.js'
import { startScript } from '../platform/children.js'
import { temporaryFolder } from './sallyport.js'

/** A PostgreSQL that can be killed and whose disk can be full; always at the same address. */
export interface StagePostgres {
  readonly url: string
  /** SIGKILL, and one on the same folder in its place. */
  replace (): Promise<void>
  /** Stopped as for an upgrade, which tells all who are connected so (57P01), and started again. */
  restart (): Promise<void>
  /** False: its folder has no disk of its own here, so it cannot. */
  readonly canFill: boolean
  /** Leaves no byte on its disk. */
  fill (): Promise<void>
  /** There is room again; a server that ended meanwhile is started again, as whoever made room would. */
  free (): Promise<void>
}

/** Enough for the cluster of a small fleet, and little enough to be filled at once. */
const DISK_MB = 256

/** A new server has another port, so a relay stands in front. */
export async function startStagePostgres (t: Test): Promise<StagePostgres> {
  const folder = temporaryFolder(t)
  const { child, first } = await startKeeper(t, folder)
  let port = first.port!
  const sockets = new Set<Socket>()
  const relay = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const [one, other] of [[client, server], [server, client]] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => {
    relay.close()
    for (const socket of sockets) socket.destroy()
  })
  const url = new URL(first.url!)
  url.port = String((relay.address() as { port: number }).port)

  async function tell (message: ToPostgres): Promise<void> {
    const answer = nextMessage<FromPostgres>(child)
    child.send(message)
    const { port: now, error } = await answer
    if (error !== undefined) throw new Error(error)
    if (now !== undefined) port = now
  }
  return {
    url: url.href,
    canFill: first.ownDisk,
    replace: async () => await tell('replace'),
    restart: async () => await tell('restart'),
    fill: async () => await tell('fill'),
    free: async () => await tell('free')
  }
}

/**
 * On a small disk of its own where that may be mounted: as root, or in a namespace of the process's own. Elsewhere
 * on the disk of all.
 */
async function startKeeper (t: Test, folder: string): Promise<{ readonly child: ChildProcess, readonly first: FromPostgres & { readonly ownDisk: boolean } }> {
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps']
  const mount = ['unshare', ...asUser, '--mount', 'sh', '-c', `mount -t tmpfs -o size=${DISK_MB}m,mode=0711 tmpfs "$1" && shift && exec "$@"`, 'sh', folder]
  for (const through of [mount, []]) {
    const child = startScript(t, 'keep-postgres', [folder], { through })
    const first = await nextMessage<FromPostgres>(child).catch(() => undefined)
    if (first?.url !== undefined) return { child, first: { ...first, ownDisk: through.length > 0 } }
    if (first?.error !== undefined) throw new Error(first.error)
  }
  throw new Error('PostgreSQL did not start')
}
