import t from 'tap'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'

t.test('signing keys are rotated, listed without their secrets, and retired', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const commands = startCommands(t)
  /** Rejects with its standard error when it fails. */
  const run = async (...args: string[]) => {
    const { code, out, errors } = await commands(['signing-key', ...args], { env: { DATABASE_URL: url } })
    if (code !== 0) throw new Error(errors)
    return JSON.parse(out)
  }

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
