import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createLogger } from '../../src/platform/log.js'
import { scanLogs } from '../helpers/scan-logs.js'

t.test('the look through the logs of a run finds what should not be there, and only that', async (t) => {
  const [key, other] = [randomBytes(16).toString('hex'), randomBytes(16).toString('base64url')]
  const lines = [
    `{"msg":"got ${key}"}`, `{"msg":"x=${other}&y"}`, `{"msg":"set_${'a'.repeat(43)}"}`, `{"msg":"whsec_${'b'.repeat(32)}"}`,
    `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.${'c'.repeat(43)}`, '-----BEGIN PRIVATE KEY-----', 'postgres://u:pass@db/x', 'Bearer abcdefghijklmnopqrstuvwxyz', 'hunter2'
  ]
  const fine = [
    '{"level":30,"time":"2026-11-30T00:00:00.000Z","deviceId":"6f1f4a54-6d6e-4d0a-9d0f-0a6a2f2f8f4e","msg":"request refused"}', 'postgres://u:[secret]@db/x', 'Bearer [secret]', 'https://feeds.example:8443/a@b'
  ]
  const folder = t.testdir({ '1.secrets': `${key}\n${other}\nshort\n`, '1.log': [...lines, ...fine].map((line) => `${line}\n`).join('') })
  const found = scanLogs(folder)
  t.strictSame([found.lines, found.secrets], [13, 2])
  t.strictSame([...new Set(found.leaks.map(({ line }) => line))], lines.map((_, index) => index + 1))
  t.strictSame(scanLogs(`${folder}/none`), { lines: 0, secrets: 0, leaks: [] })
})

t.test('what is logged by name or by look is gone before it is written', async (t) => {
  const written: string[] = []
  const log = createLogger({ level: 'trace', destination: { write: (line) => { written.push(line) } } })
  log.info({ clientSecret: 'hunter2', password: 'hunter2', SECRETS_KEY: 'hunter2', secrets_key: 'hunter2' }, 'postgres://u:hunter2@db/x')
  log.warn({ err: new Error('Authorization: Bearer abcdefghijklmnopqrstuvwxyz') }, `whsec_${'b'.repeat(32)}`)
  log.warn(`set_${'a'.repeat(43)} and eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.${'c'.repeat(43)}`)
  log.warn('-----BEGIN PRIVATE KEY-----\nMIIabc\ndef=\n-----END PRIVATE KEY-----\n after it')
  const folder = t.testdir({ '1.log': written.join('') })
  t.strictSame(scanLogs(folder).leaks, [])
  t.equal(scanLogs(folder).lines, 4)
  t.match(written[3], /after it/)
})
