import t from 'tap'
import { readValue } from '../../../src/intel/feeds/feed-value.js'
import type { IndicatorType } from '../../../src/intel/indicators/indicator.js'

t.test('takes a value under its true type', async (t) => {
  t.strictSame(readValue('domain', '8.8.4.5:53'), { type: 'ipv4', value: '8.8.4.5', port: 53 })
  t.strictSame(readValue('app-id', 'com.evil.*'), { type: 'app-id', value: 'com.evil.*' })
})

t.test('says why a value cannot be meant', async (t) => {
  const refused: ReadonlyArray<[IndicatorType, unknown, string]> = [
    ['sha1', 123, 'not text'],
    ['domain', undefined, 'not text'],
    ['domain', 'localhost', 'not a valid domain'],
    ['domain', 'printer.local', 'a name that means another machine in every network'],
    ['domain', 'localhost.localdomain', 'a name that means another machine in every network'],
    ['domain', '1.2.0.192.in-addr.arpa', 'a name that means another machine in every network'],
    ['ipv4', '127.0.0.1', 'an address that is no public one'],
    ['ipv4', '0.0.0.0:80', 'an address that is no public one'],
    ['ipv6', 'fe80::1%eth0', 'an address that is no public one'],
    ['ipv6', '::ffff:10.0.0.1', 'an address that is no public one'],
    ['cidr', '192.168.0.0/16', 'an address that is no public one'],
    ['cidr', '0.0.0.0/1', 'a range too wide to be meant'],
    ['cidr', '::/8', 'a range too wide to be meant'],
    ['app-id', 'com.*', 'a wildcard too wide to be meant'],
    ['app-id', '*', 'a wildcard too wide to be meant'],
    ['app-id', 'com.google.*', 'the names of all apps of a maker'],
    ['app-id', 'com.sec.android', 'the names of all apps of a maker'],
    ['app-id', 'not an app', 'not a valid app-id']
  ]
  for (const [type, value, reason] of refused) t.strictSame(readValue(type, value), { reason }, `${type} ${String(value)}`)
})
