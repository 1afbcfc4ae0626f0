import fc from 'fast-check'
import t from 'tap'
import { observablesAbout, observablesOf } from '../../../src/devices/retro/observables.js'
import { normalizeValue } from '../../../src/intel/indicators/normalize.js'
import type { DeviceState, KeptEvent } from '../../../src/telemetry/device-state.js'

const event = (rest: object): KeptEvent => ({ eventId: 'e', type: 'connection', at: '2026-11-23T08:00:00Z', receivedAt: '2026-11-23T08:00:00Z', sequence: 1, ...rest }) as KeptEvent
const state = (rest: Partial<DeviceState>): DeviceState => ({ sequence: 1, origins: {}, events: [], ...rest })

/** Whether a phone in this state is found when this is listed. */
const isFound = (rest: Partial<DeviceState>, type: string, value: string): boolean => {
  const named = new Set(observablesOf(state(rest)))
  return observablesAbout(type, value).some((one) => named.has(one))
}

t.test('what a phone names is found by what is listed about it', async (t) => {
  const contacted = { events: [event({ host: 'A.b.Evil.example.' }), event({ ip: '203.0.113.77' }), event({ type: 'url-visit', url: 'https://shop.example/x?y=1' }), event({ ip: '::ffff:198.51.100.9' }), event({ ip: '2001:db8:1:2::3' })] }
  for (const [type, value] of [
    ['domain', 'a.b.evil.example'], ['domain', 'evil.example'], ['domain', 'shop.example'], ['ipv4', '203.0.113.77'], ['ipv4', '198.51.100.9'], ['cidr', '203.0.113.64/26'], ['cidr', '203.0.112.0/20'], ['cidr', '203.0.0.0/8'],
    ['ipv6', '2001:db8:1:2::3'], ['cidr', '2001:db8:1::/48'], ['cidr', '2001:db8::/29'], ['url', 'http://shop.example/x'], ['url', 'https://203.0.113.77/']
  ] as const) t.ok(isFound(contacted, type, value), `${type} ${value}`)
  for (const [type, value] of [['domain', 'notevil.example'], ['domain', 'c.evil.example'], ['ipv4', '203.0.113.78'], ['cidr', '192.0.2.0/24'], ['url', 'https://other.example/x'], ['file-name', 'evil.example'], ['email', 'a@evil.example']] as const) {
    t.notOk(isFound(contacted, type, value), `${type} ${value}`)
  }

  const forensic = { files: [{ path: '/private/var/tmp/a/b.bin', sha256: 'AB:'.repeat(31) + 'AB' }], processes: ['com.evil.app:push'], profiles: [{ uuid: 'AAAA-1', identifier: 'com.Evil' }], properties: { 'persist.x': '1' } }
  for (const [type, value] of [
    ['file-path', '/var/tmp/a/b.bin'], ['file-path', '/private/var/tmp/'], ['file-name', 'b.bin'], ['sha256', 'ab'.repeat(32)], ['process', 'com.evil.app:push'], ['app-id', 'com.evil.app'],
    ['profile-id', 'aaaa-1'], ['profile-id', 'com.evil'], ['property', 'persist.other']
  ] as const) t.ok(isFound(forensic, type, value), `${type} ${value}`)
  t.notOk(isFound(forensic, 'file-path', '/var/tmp/c'))
  t.strictSame(observablesOf(state({})), [], 'a phone that names nothing costs nothing')
})

t.test('every address is found by every range that it is in', async () => {
  fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 8, max: 32 }), (ip, bits) => {
    const range = normalizeValue('cidr', `${ip}/${bits}`)!
    return isFound({ events: [event({ ip })] }, range.type, range.value)
  }))
  fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 16, max: 128 }), (ip, bits) => {
    const [address, range] = [normalizeValue('ipv6', ip), normalizeValue('cidr', `${ip}/${bits}`)]
    return address === undefined || range === undefined || address.type !== 'ipv6' || range.value.includes('.') || isFound({ events: [event({ ip })] }, range.type, range.value)
  }))
})

t.test('every host is found by all above it', async () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  fc.assert(fc.property(fc.array(label, { minLength: 2, maxLength: 6 }), fc.nat(), (labels, cut) => {
    const host = [...labels, 'example'].join('.')
    const above = [...labels, 'example'].slice(cut % labels.length).join('.')
    return isFound({ events: [event({ host })] }, 'domain', above)
  }))
})
