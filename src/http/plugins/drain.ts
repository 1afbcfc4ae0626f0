import { Server } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** The end of a server that its clients do not notice. */
export interface Drain {
  /** From now on every answer closes its connection, so that its client opens the next one elsewhere. */
  announce (): void
  /**
   * Takes no more connections. Those there are have `lingerMs` for a request that is on its way, which
   * is still answered. Resolves when none is left, or the time is over.
   */
  stopListening (lingerMs: number): Promise<void>
}

/** Call it before other hooks are added: what they refuse closes its connection as well. */
export function addDrain (app: FastifyInstance): Drain {
  let announced = false
  app.addHook('onRequest', (_request, reply, done) => {
    // Not Fastify's own header, which the answer to an error takes away (problem-details.ts).
    if (announced) reply.raw.setHeader('connection', 'close')
    done()
  })

  return {
    announce () {
      announced = true
    },
    async stopListening (lingerMs) {
      const { server } = app
      if (!server.listening) return
      const empty = new Promise<void>((resolve) => { server.once('close', () => resolve()) })
      // Connections that the kernel has taken and nobody has fetched are reset with the socket. The event loop
      // fetches them just before this.
      await new Promise(setImmediate)
      // Not http.Server's own `close`, which cuts connections that wait for their next request.
      Server.prototype.close.call(server)
      let timer: NodeJS.Timeout | undefined
      await Promise.race([empty, new Promise((resolve) => { timer = setTimeout(resolve, lingerMs) })])
      clearTimeout(timer)
    }
  }
}
