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

/** Has to be added before routes are. */
export function addDrain (app: FastifyInstance): Drain {
  let announced = false
  // The last word on an answer: that to an error takes such a header away (problem-details.ts).
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (announced) reply.header('connection', 'close')
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
