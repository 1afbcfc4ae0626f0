import t from 'tap'
import { looksRandom, registeredDomain } from '../../../src/risk/facts/random-names.js'
import { ORDINARY_APPS } from '../ordinary-apps.js'

/** A generator of numbers that is the same everywhere (Park and Miller). */
function lots (seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = state * 48_271 % 2_147_483_647
    return state % below
  }
}

function names (length: number, letters: string, count = 5_000): string[] {
  const next = lots(length * 7 + letters.length)
  return Array.from({ length: count }, () => Array.from({ length }, () => letters[next(letters.length)]!).join(''))
}

const shareOf = (all: readonly string[]): number => all.filter(looksRandom).length / all.length
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

t.test('most names made by lot are recognised', async (t) => {
  const shares = {
    // FluBot: 15 letters from a to y.
    flubot: shareOf(names(15, LETTERS.slice(0, 25))),
    eight: shareOf(names(8, LETTERS)),
    twelve: shareOf(names(12, LETTERS)),
    digits: shareOf(names(12, LETTERS + '0123456789')),
    hex: shareOf(names(16, '0123456789abcdef'))
  }
  t.comment(JSON.stringify(shares))
  t.ok(shares.flubot > 0.85 && shares.eight > 0.7 && shares.twelve > 0.8 && shares.digits > 0.9 && shares.hex > 0.85)
})

t.test('names that people gave are hardly ever taken for such', async (t) => {
  const given = [...new Set(ORDINARY_APPS.flatMap((appId) => appId.toLowerCase().split('.')))].filter((part) => part.length >= 8 && /^[a-z0-9]+$/.test(part))
  t.ok(given.length > 300, `${given.length} names`)
  t.comment(JSON.stringify(given.filter(looksRandom)))
  t.ok(shareOf(given) < 0.015, `${shareOf(given)} of them`)
  for (const name of [
    'google', 'wikipedia', 'youtube', 'microsoftonline', 'googletagmanager', 'crashlytics', 'doubleclick', 'cloudfront', 'akamaiedge', 'volkswagen', 'deutschebahn', 'sparkasse',
    'schwarzwald', 'rechtsanwalt', 'weltschmerz', 'przyjaciel', 'szczecin', 'xiaomi', 'zhangzhongyun', 'quanzhou', 'stackoverflow', 'gstatic', 'scorecardresearch', 'adsrvr', 'xn--mnchen-3ya'
  ]) t.notOk(looksRandom(name), name)
})

t.test('only the part of a host that somebody registered counts', async (t) => {
  const random = (host: string): boolean => registeredDomain(host)?.random === true
  t.ok(random('xjwqvtkbgpdzrmh.com'))
  t.ok(random('www.XJWQVTKBGPDZRMH.co.uk.'))
  for (const host of [
    'd111111abcdef8.cloudfront.net', 'xjwqvtkbgpdzrmh.s3.amazonaws.com', 'r3---sn-4g5e6nzs.googlevideo.com', 'e4578.dscb.akamaiedge.net', 'a248.e.akamai.net', 'xjwqvtkbgpdzrmh.appspot.com',
    'b-graph.facebook.com', 'in.appcenter.ms', '0a1b2c3d4e5f6071.ingest.sentry.io', 'device-metrics-us-2.amazon.com', 'ztuxxqkvbn', 'xjwqvtkbgpdzrmh.local', 'xjwqvtkbgpdzrmh.fritz.box',
    '192.0.2.1', '2001:db8::1', '', '...', 'x'.repeat(300)
  ]) t.notOk(random(host), host)
})
