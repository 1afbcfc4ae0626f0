import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { AddressRefusedError, createAddressGuard, kindOfAddress } from '../../src/platform/address-guard.js'

const ADDRESSES: Readonly<Record<ReturnType<typeof kindOfAddress>, readonly string[]>> = {
  public: ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8', '64:ff9b::808:808'],
  private: [
    // Loopback, RFC 1918, carrier-grade NAT, "this network", IETF, documentation, benchmarking, 6to4 relays, reserved.
    '127.0.0.1', '127.255.255.254', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '192.0.0.8',
    '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '192.88.99.1', '240.0.0.1',
    '::1', 'fc00::1', 'fd12:3456::1', 'fec0::1', '100::1', '2001:db8::1', '4000::1', '5f00::1',
    // The same inside IPv6: mapped, compatible, translated, 6to4, Teredo, NAT64 of both kinds.
    '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::127.0.0.1', '::ffff:0:10.0.0.1', '2002:7f00:1::', '2001:0:a00:1::', '64:ff9b::7f00:1', '64:ff9b::c0a8:101', '64:ff9b:1::a00:1'
  ],
  never: [
    '169.254.169.254', '169.254.0.1', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', 'fe80::1', 'fe80::a9fe:a9fe', '0.0.0.0', '0.0.0.1', '::', '255.255.255.255', '224.0.0.1', 'ff02::1',
    '168.63.129.16', '::ffff:168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd00:0ec2:0::0254', 'no address', ''
  ]
}

for (const [kind, addresses] of Object.entries(ADDRESSES)) {
  t.test(`addresses that are ${kind}`, async (t) => {
    for (const address of addresses) t.equal(kindOfAddress(address), kind, address)
  })
}

const answering = (...addresses: readonly string[]) => createAddressGuard({
  privateHosts: ['mirror.example', '.inside.example'],
  resolve: ((_host: string, _options: object, done: (error: null, addresses: LookupAddress[]) => void) =>
    done(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))) as never
})

const look = async (guard: ReturnType<typeof answering>, host: string, all = true): Promise<unknown> =>
  await new Promise((resolve) => guard.lookup(host, { all }, (error, ...found) => resolve(error ?? found)))

t.test('a name leads to what it resolves to, and only if all of that may be spoken to', async (t) => {
  t.strictSame(await look(answering('8.8.8.8', '2606:4700::1111'), 'feed.example'), [[{ address: '8.8.8.8', family: 4 }, { address: '2606:4700::1111', family: 6 }]])
  t.strictSame(await look(answering('8.8.8.8'), 'feed.example', false), ['8.8.8.8', 4])
  for (const bad of ['10.0.0.1', '169.254.169.254', '::1', 'fd00::1']) {
    t.ok(await look(answering('8.8.8.8', bad), 'feed.example') instanceof AddressRefusedError, bad)
    t.ok(await look(answering(bad, '8.8.8.8'), 'feed.example', false) instanceof AddressRefusedError, bad)
  }
  t.match(await look(answering(), 'feed.example'), { code: 'ENOTFOUND' })
})

t.test('only hosts that the installation names may be inside, and none is the link or the cloud', async (t) => {
  for (const host of ['mirror.example', 'MIRROR.example.', 'a.inside.example', 'a.b.inside.example']) {
    t.match(await look(answering('10.0.0.1'), host), [[{ address: '10.0.0.1' }]], host)
    t.ok(await look(answering('169.254.169.254'), host) instanceof AddressRefusedError, host)
  }
  for (const host of ['inside.example', 'notinside.example', 'a.mirror.example', 'mirror.example.evil.tld']) {
    t.ok(await look(answering('10.0.0.1'), host) instanceof AddressRefusedError, host)
  }
})

t.test('an address in place of a name is judged without being resolved, however it is written', async (t) => {
  const guard = answering('8.8.8.8')
  for (const url of ['http://127.0.0.1/', 'http://127.1/', 'http://0x7f.1/', 'http://2130706433/', 'http://017700000001/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://169.254.169.254/', 'http://①②⑦.0.0.1/']) {
    t.type(guard.refuseHost(new URL(url).hostname), 'string', url)
  }
  t.equal(guard.refuseHost('8.8.8.8'), undefined)
  t.equal(guard.refuseHost('feed.example'), undefined)
  t.equal(createAddressGuard({ privateHosts: ['127.0.0.1', '::1'] }).refuseHost('[::1]'), undefined)
})
