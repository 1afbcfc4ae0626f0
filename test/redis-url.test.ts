import fc from 'fast-check'
import t from 'tap'
import { type RedisAddress, readRedisUrl } from '../src/redis-url.js'

const SECRET = 'pa:ss@w/o?r%d'
const ESCAPED = encodeURIComponent(SECRET)

t.test('every form says where Redis is and who we are', async (t) => {
  const forms: ReadonlyArray<readonly [string, RedisAddress]> = [
    ['redis://cache', { kind: 'single', tls: false, hosts: [{ host: 'cache', port: 6379 }], database: 0 }],
    ['redis://cache:6380/', { kind: 'single', tls: false, hosts: [{ host: 'cache', port: 6380 }], database: 0 }],
    ['redis://:s@[::1]:7000/3', { kind: 'single', tls: false, hosts: [{ host: '::1', port: 7000 }], database: 3, password: 's' }],
    ['redis://me@10.0.0.1', { kind: 'single', tls: false, hosts: [{ host: '10.0.0.1', port: 6379 }], database: 0, username: 'me' }],
    [`rediss://me:${ESCAPED}@cache.example.org?caFile=%2Fetc%2Fca.pem`,
      { kind: 'single', tls: true, hosts: [{ host: 'cache.example.org', port: 6379 }], database: 0, username: 'me', password: SECRET, caFile: '/etc/ca.pem' }],
    ['redis+sentinel://s1,s2:26380/main', { kind: 'sentinel', tls: false, hosts: [{ host: 's1', port: 26_379 }, { host: 's2', port: 26_380 }], database: 0, masterName: 'main' }],
    [`rediss+sentinel://me:${ESCAPED}@s1/main/2?sentinelUsername=watch&sentinelPassword=${ESCAPED}&caFile=/ca.pem`,
      { kind: 'sentinel', tls: true, hosts: [{ host: 's1', port: 26_379 }], database: 2, username: 'me', password: SECRET, masterName: 'main', sentinelUsername: 'watch', sentinelPassword: SECRET, caFile: '/ca.pem' }],
    ['redis+cluster://a,b:7001,[fd00::1]:7002', { kind: 'cluster', tls: false, hosts: [{ host: 'a', port: 6379 }, { host: 'b', port: 7001 }, { host: 'fd00::1', port: 7002 }], database: 0 }],
    [`rediss+cluster://:${ESCAPED}@a/0`, { kind: 'cluster', tls: true, hosts: [{ host: 'a', port: 6379 }], database: 0, password: SECRET }]
  ]
  for (const [text, address] of forms) t.strictSame(readRedisUrl(text), { address, faults: [] }, text)
})

t.test('every fault is named', async (t) => {
  const faulty: ReadonlyArray<readonly [string, readonly RegExp[]]> = [
    ['http://cache', [/must begin with one of redis:\/\/, rediss:\/\//]],
    ['cache:6379', [/must begin/]],
    ['redis://a,b', [/several hosts/]],
    ['redis://', [/host 1 is empty/]],
    ['redis://a:0', [/1 to 65535/]],
    ['redis://a:70000/x', [/1 to 65535/, /database must be a number/]],
    ['redis://a b', [/host 1 is neither/]],
    ['redis://a?caFile=x', [/caFile is of use with TLS only: rediss:/]],
    ['redis://a/1/2', [/too many parts/]],
    ['redis+sentinel://a', [/must name the master/]],
    ['redis+sentinel://a,,b/m/0/1?sentinelName=m', [/host 2 is empty/, /name\/database is all/, /a parameter that does not exist; there are caFile/]],
    ['redis+cluster://a/1?sentinelPassword=x', [/database 0 only/, /sentinelPassword is of use with Sentinels only/]]
  ]
  for (const [text, wanted] of faulty) {
    const { faults } = readRedisUrl(text)
    t.equal(faults.length, wanted.length, `${text}: ${faults.join('; ')}`)
    for (const [at, pattern] of wanted.entries()) t.match(faults[at], pattern, text)
  }
})

t.test('whatever the password is, it is read as it was', async (t) => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), fc.constantFrom('redis://', 'rediss+sentinel://', 'redis+cluster://'), (password, scheme) => {
    t.equal(readRedisUrl(`${scheme}:${encodeURIComponent(password)}@a/x`).address.password, password)
  }), { numRuns: 200 })
})

t.test('no fault tells a piece of a password that was not escaped', async (t) => {
  const password = fc.array(fc.constantFrom('@', '/', '?', ':', '%', '#', '&', '=', ',', ' '), { minLength: 1, maxLength: 4 }).map((marks) => ['', ...marks, ''].join('Zq7xk'))
  fc.assert(fc.property(password, fc.constantFrom('redis://', 'redis+sentinel://', 'rediss+cluster://', 'http://'), (password, scheme) => {
    const { faults } = readRedisUrl(`${scheme}user:${password}@a:0/1/2/3?${password}`)
    t.ok(faults.length > 0)
    t.notOk(faults.join().includes('Zq7xk'), faults.join())
  }), { numRuns: 300 })
})
