import { randomUUID } from 'node:crypto'
import t from 'tap'
import { findOperator } from '../../src/operators/find-operator.js'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('the command line lets in, makes keys for several tenants, rotates them, and takes all that away', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const [one, two] = [await seedTenant(db), await seedTenant(db)]
  const commands = startCommands(t)
  /** Rejects with its standard error when it fails. */
  const run = async <T>(...args: string[]): Promise<T> => {
    const { code, out, errors } = await commands(args, { env: { DATABASE_URL: url } })
    if (code !== 0) throw new Error(errors)
    return JSON.parse(out) as T
  }

  const [directory, subject] = [randomUUID(), randomUUID()]
  const [grant, made] = await Promise.all([
    run<{ id: string }>('operator', 'grant', '--tenant', one, '--role', 'analyst', '--directory', directory, '--subject', subject, '--label', 'Eve', '--days', '30'),
    run<{ id: string, key: string }>('api-key', 'create', '--role', 'viewer', '--tenant', one, two, '--permission', 'fleet:read', '--name', 'Provider')
  ])
  const [grants, fresh] = await Promise.all([
    run<object[]>('operator', 'list', '--tenant', one),
    run<{ id: string, key: string }>('api-key', 'rotate', made.id, '--grace-hours', '1')
  ])
  t.match(grants, [{ id: grant.id, role: 'analyst', directory, kind: 'subject', value: subject, label: 'Eve', createdBy: 'command line', expiresAt: /^\d{4}-/ }])
  t.strictSame((await findOperator(db, fresh.key, new Date()))?.grants.map(({ tenantId }) => tenantId).sort(), [one, two].sort())
  t.ok(await findOperator(db, made.key, new Date()))
  const [keys, everywhere] = await Promise.all([
    run<object[]>('api-key', 'list'),
    run<object>('operator', 'grant', '--all-tenants', '--role', 'platform-admin', '--directory', directory, '--group', subject, '--label', 'Owners'),
    run('operator', 'remove', grant.id),
    run('api-key', 'revoke', made.id)
  ])
  t.match(keys, [{ id: fresh.id, replaces: made.id, permissions: ['fleet:read'] }, { id: made.id }])
  t.match(everywhere, { tenantId: null, kind: 'group' })
  t.strictSame((await db.selectFrom('operator_grant').select('label').execute()), [{ label: 'Owners' }])
  t.equal(await findOperator(db, made.key, new Date()), undefined)

  const wrong: Array<[why: RegExp, ...args: string[]]> = [
    [/--tenant or --all-tenants/, 'operator', 'grant', '--role', 'viewer', '--subject', subject, '--label', 'x'],
    [/directory.*must be the id of an Entra tenant[\s\S]*value.*object id/, 'operator', 'grant', '--tenant', one, '--role', 'viewer', '--directory', 'contoso.com', '--subject', 'eve', '--label', 'x']
  ]
  await Promise.all(wrong.map(async ([why, ...args]) => await t.rejects(run(...args), { message: why }, args.join(' '))))
})
