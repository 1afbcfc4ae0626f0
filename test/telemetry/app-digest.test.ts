import { createHash } from 'node:crypto'
import t from 'tap'
import { digestApps } from '../../src/telemetry/app-digest.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

t.test('the digest is that of the documented text, so a phone can compute it', async (t) => {
  t.equal(digestApps([]), sha256('[]'))
  t.equal(
    digestApps([{ version: '1', appId: 'b' }, { appId: 'a', installer: null, system: false, permissions: ['x', 'y'] }]),
    sha256('[{"appId":"a","installer":null,"permissions":["x","y"],"system":false},{"appId":"b","version":"1"}]'))
})

t.test('neither the order of apps nor that of members changes the digest', async (t) => {
  const a = { appId: 'a', name: 'A', version: '1' }
  const b = { appId: 'b' }
  t.equal(digestApps([a, b]), digestApps([b, { version: '1', name: 'A', appId: 'a' }]))
  t.not(digestApps([a, b]), digestApps([{ ...a, version: '2' }, b]))
})

t.test('of two entries with one app id the later counts', async (t) => {
  t.equal(digestApps([{ appId: 'a', version: '1' }, { appId: 'a', version: '2' }]), digestApps([{ appId: 'a', version: '2' }]))
})

t.test('names are sorted by UTF-16 code units and text is written as ECMAScript does (RFC 8785)', async (t) => {
  t.equal(canonicalJson({ '\u20ac': 1, '\r': 2, 1: 3, '\u{1f600}': 4, '\u0080': 5, ö: 6, דּ: 7 }),
    '{"\\r":2,"1":3,"\u0080":5,"\u00f6":6,"\u20ac":1,"\u{1f600}":4,"\ufb33":7}')
  t.equal(canonicalJson([1e30, 4.5, 2e-3, 1e-27, true, null, 'a"\n']), '[1e+30,4.5,0.002,1e-27,true,null,"a\\"\\n"]')
  t.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
})

t.test('names that JavaScript treats in its own way are sorted like any other', async (t) => {
  t.equal(canonicalJson(JSON.parse('{"b":1,"10":2,"9":[{"z":1,"a":2}],"__proto__":3,"toJSON":4}')), '{"10":2,"9":[{"a":2,"z":1}],"__proto__":3,"b":1,"toJSON":4}')
  t.equal(canonicalJson([1, [{ b: undefined, a: 1 }], undefined]), '[1,[{"a":1}],null]')
})
