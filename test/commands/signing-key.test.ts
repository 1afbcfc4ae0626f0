import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { createTestDatabase } from '../helpers/database.js'

const execute = promisify(execFile)

t.test('signing keys are rotated, listed without their secrets, and retired', async (t) => {
  const { db, url } = await createTestDatabase(t)
  /** The compiled command; rejects with its standard error when it fails. */
  const run = async (...args: string[]) => JSON.parse((await execute(process.execPath, [join(packageRoot, 'bin/sallyport.js'), 'signing-key', ...args], { env: { PATH: process.env.PATH, DATABASE_URL: url } })).stdout)

  const first = await run('rotate') as { id: string }
  const second = await run('rotate') as { id: string }
  const list = await run('list') as object[]
  t.strictSame(list.map((key) => Object.keys(key)), [1, 2].map(() => ['id', 'createdAt', 'retiredAt', 'doneAt', 'state']))
  t.match(list, [{ id: second.id, state: 'signing' }, { id: first.id, state: 'verifying', doneAt: /^\d{4}-/ }])

  await t.rejects(run('retire', 'x'), { message: /the id must be a GUID/ })
  await t.rejects(run('retire', first.id), { message: /may count until/ })
  t.match(await run('retire', second.id.toUpperCase(), '--now'), { id: second.id, successor: /^[0-9a-f-]{36}$/ })
  t.match((await db.selectFrom('audit_event').select(['actor', 'action']).orderBy('id').execute()).at(-1), { actor: 'command line', action: 'signing-key.retired' })
})
