import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { recordAudit } from '../../src/platform/record-audit.js'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('the audit is verified on the command line, with a note of its heads from before', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  for (const n of [1, 2, 3]) await recordAudit(db, { tenantId, actor: 'ann', action: 'thing.done', subject: String(n) })
  const env = { DATABASE_URL: url, SECRETS_KEY: randomBytes(32).toString('base64') }
  const commands = startCommands(t)
  const run = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => await commands(['audit', ...args], { env: { ...env, ...more } })

  const noteFile = join(t.testdir(), 'heads.json')
  const [note, whole] = await Promise.all([run(['head']), run(['verify'])])
  await writeFile(noteFile, note.out)
  t.match(JSON.parse(note.out), { kind: 'sallyport-audit-heads', heads: [{ chain: tenantId, number: 3, hash: /^[0-9a-f]{64}$/ }], seal: /./ })
  t.match([whole.code, whole.out], [0, /3 entries, the last [0-9a-f]{64}\n\nThe audit is intact: 3 entries in 1 chains; what was cut off/])

  await sql`alter table audit_event disable trigger all; alter table audit_link disable trigger all; delete from audit_event where subject = '3'; delete from audit_link where number = 3`.execute(db)
  const [unseen, seen, stranger] = await Promise.all([
    run(['verify', '--tenant', tenantId, '--json']),
    run(['verify', '--head', noteFile]),
    run(['verify', '--head', noteFile], { SECRETS_KEY: randomBytes(32).toString('base64') })
  ])
  t.match([unseen.code, JSON.parse(unseen.out)], [0, { intact: true }])
  t.match([seen.code, seen.out], [1, /1 FAULTS\n {2}entry 3 was noted and is gone\n\nThe audit was tampered with/])
  t.match([stranger.code, stranger.errors], [1, /was not made by this installation/])
})
