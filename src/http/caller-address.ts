import { isIP } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/** `1.2.3.4:5678` and `[2001:db8::1]:5678`, as Azure's gateways write callers. */
const WITH_PORT = /^(?:\[([0-9a-f:.]{2,45})\]|([\d.]{7,15}))(?::\d{1,5})?$/i

type Caller = Pick<FastifyRequest, 'ip' | 'raw'>

/**
 * Who calls, as the audit names them. What a trusted proxy hands on is the word of whoever came before it: a port would make
 * another caller of each connection, and what is no address at all is not believed.
 */
export function callerAddress ({ ip, raw }: Caller): string {
  if (isIP(ip) !== 0) return ip
  const [, v6, v4] = WITH_PORT.exec(ip) ?? []
  const address = v6 ?? v4 ?? ''
  return isIP(address) !== 0 ? address : raw.socket.remoteAddress ?? ''
}

/** Who calls, as limits count them: of IPv6 a /64, which is what one caller has. */
export const countedAddress = (caller: Caller): string => normalizeIP(callerAddress(caller))
