import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { callerAddress, countedAddress } from '../../src/http/caller-address.js'

const by = (ip: string): Pick<FastifyRequest, 'ip' | 'raw'> => ({ ip, raw: { socket: { remoteAddress: '198.51.100.7' } } as FastifyRequest['raw'] })

t.test('a caller is its address, with or without a port, however often that changes', async (t) => {
  for (const [ip, address, counted = address] of [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:50123', '192.0.2.1'],
    ['192.0.2.1:50124', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1', '2001:db8::'],
    ['[2001:db8::1]:50123', '2001:db8::1', '2001:db8::'],
    ['[2001:db8::2]', '2001:db8::2', '2001:db8::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1']
  ] as const) {
    t.equal(callerAddress(by(ip)), address, ip)
    t.equal(countedAddress(by(ip)), counted, ip)
  }
})

t.test('what is no address is not believed: the one connected from counts', async (t) => {
  for (const ip of ['', 'unknown', '_hidden', '999.1.1.1', '192.0.2.1:', '192.0.2.1:999999', '[192.0.2.1', '2001:db8::1:zz', '"><script>', 'a'.repeat(10_000)]) t.equal(callerAddress(by(ip)), '198.51.100.7', ip.slice(0, 20))
})
