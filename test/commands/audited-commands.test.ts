import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { program } from '../../src/cli.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { startTestApi } from '../helpers/api.js'
import { hashTables, makeBreakable } from '../helpers/audit.js'
import { startCommands } from '../helpers/commands.js'

/** Commands that change something and need more than one call to show it: the action, and the test that sees it written down. */
const SEEN_ELSEWHERE: Readonly<Record<string, readonly [action: string, test: string]>> = {
  restore: ['platform.backup-loaded', 'test/commands/backup.test.ts'],
  'tenant setup-intune': ['intune-setup.applied', 'test/onboarding/setup-intune.test.ts'],
  'intel refresh': ['subscription.refreshed', 'test/intel/subscriptions/subscription-routes.test.ts'],
  'revocations apply': ['device.revoked', 'test/commands/backup.test.ts'],
  'simulate fleet': ['fleet.seeded', 'test/commands/simulate-fleet-database.test.ts']
}

const READING = 'only reads what is no phone\'s own record'
/** Commands of which nobody has to know later. */
const NOT_AUDITED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['tenant list', 'doctor', 'api-key list', 'operator list', 'signing-key list', 'set-key list', 'intel list', 'intel show', 'intel subscriptions', 'policy get', 'policy preview', 'explain', 'audit verify', 'audit head'].map((name) => [name, READING])),
  'revocations note': 'names by their ids what the audit says has ended',
  'policy test': 'has no installation',
  migrate: 'the table of migrations says when each was applied',
  ...Object.fromEntries(['up', 'demo', 'api', 'worker', 'simulate intune'].map((name) => [name, 'starts processes; what they do is audited where it is done']))
}

const KEYS = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')] as const

interface Step {
  readonly command: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly actions: readonly string[]
}

const leaves = (command: Command, path: readonly string[] = []): Array<readonly [name: string, command: Command]> =>
  command.commands.length === 0 ? [[path.join(' '), command]] : command.commands.flatMap((one) => leaves(one, [...path, one.name()]))

t.test('every command that changes something, or hands out what is kept of phones, writes that down with it or before: what cannot be written down is not done', async (t) => {
  const api = await startTestApi(t)
  const audit = await makeBreakable(api.db)
  const phone = await api.enroll()
  const commands = startCommands(t)
  const folder = t.testdir({})
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const backup = join(folder, 'sallyport.backup')
  const made: { id: string } = { id: '' }
  const tenant = ['--tenant', api.tenantId]

  const steps: ReadonlyArray<() => Step> = [
    () => ({ command: 'tenant create', args: ['--name', 'Contoso', '--entra-tenant-id', randomUUID()], actions: ['tenant.created'] }),
    () => ({ command: 'tenant connect', args: ['--new', 'Fabrikam', '--json'], env: { INTUNE_CLIENT_ID: randomUUID(), INTUNE_CLIENT_SECRET: 'x', PUBLIC_URL: 'https://mtd.example' }, actions: ['consent.requested'] }),
    () => ({ command: 'enrollment-token create', args: tenant, actions: ['enrollment-token.created'] }),
    () => ({ command: 'api-key create', args: ['--role', 'viewer', ...tenant], actions: ['api-key.created'] }),
    () => ({ command: 'api-key rotate', args: [made.id], actions: ['api-key.rotated'] }),
    () => ({ command: 'api-key revoke', args: [made.id], actions: ['api-key.revoked'] }),
    () => ({ command: 'operator grant', args: [...tenant, '--role', 'viewer', '--directory', randomUUID(), '--subject', randomUUID(), '--label', 'Eve'], actions: ['operator-grant.created'] }),
    () => ({ command: 'operator remove', args: [made.id], actions: ['operator-grant.removed'] }),
    () => ({ command: 'signing-key rotate', actions: ['signing-key.created'] }),
    () => ({ command: 'signing-key retire', args: [made.id, '--now'], actions: ['signing-key.created', 'signing-key.retired'] }),
    () => ({ command: 'set-key rotate', actions: ['set-key.created'] }),
    () => ({ command: 'secrets rotate', env: { SECRETS_KEY: `${KEYS[1]},${KEYS[0]}` }, actions: ['secrets.resealed'] }),
    () => ({ command: 'intel import', args: [file('a-feed.json', JSON.stringify([{ name: 'Spy', type: 'stalkerware', packages: ['com.evil.spy'] }]))], actions: ['feed.imported'] }),
    () => ({ command: 'intel subscribe', args: ['https://feeds.example/a-feed.csv', '--no-wait'], actions: ['subscription.created'] }),
    () => ({ command: 'intel unsubscribe', args: ['a-feed'], actions: ['subscription.removed'] }),
    () => ({ command: 'intel remove', args: ['a-feed'], actions: ['feed.removed'] }),
    () => ({ command: 'policy set', args: [file('policy.yaml', 'severities: { dev-rooted: audit }'), ...tenant], actions: ['policy.applied'] }),
    () => ({ command: 'privacy export', args: ['--device', phone.deviceId, ...tenant], actions: ['device.exported'] }),
    () => ({ command: 'privacy erase', args: ['--device', phone.deviceId, ...tenant], actions: ['device.erased'] }),
    () => ({ command: 'backup', args: [backup, '--json'], actions: ['platform.backup-begun'] }),
    () => ({ command: 'after-restore', args: ['--json'], actions: ['platform.restored'] })
  ]

  const names: string[] = []
  for (const step of steps) {
    const { command, args = [], env = {}, actions } = step()
    names.push(command)
    const before = (await api.db.selectFrom('audit_event').select('id').orderBy('id', 'desc').executeTakeFirst())?.id ?? 0
    const run = async () => await commands([...command.split(' '), ...args], { env: { DATABASE_URL: api.databaseUrl, SECRETS_KEY: KEYS[0], ...env } })
    const hasBackup = existsSync(backup)
    await audit.broken(async () => {
      const stored = await hashTables(api.db)
      const refused = await run()
      t.match(refused, { code: 1, out: '', errors: /the audit is broken/ }, `${command} without an audit`)
      t.strictSame(await hashTables(api.db), stored, `${command} has done nothing`)
      t.equal(existsSync(backup), hasBackup)
    })
    const { code, out, errors } = await run()
    t.equal(code, 0, `${command}: ${errors}`)
    made.id = /"id": "([^"]*)"/.exec(out)?.[1] ?? made.id
    const written = await api.db.selectFrom('audit_event').select(['action', 'actor']).where('id', '>', before).orderBy('id').execute()
    t.strictSame([...new Set(written.map(({ action, actor }) => `${actor}: ${action}`))], actions.map((action) => `command line: ${action}`), command)
  }

  for (const [command, [action, test]] of Object.entries(SEEN_ELSEWHERE)) t.ok(readFileSync(join(packageRoot, test), 'utf8').includes(action), `${command}: ${test} looks for ${action}`)
  t.strictSame(leaves(program).map(([name]) => name).sort(), [...names, ...Object.keys(SEEN_ELSEWHERE), ...Object.keys(NOT_AUDITED)].sort(), 'each command is in one of the lists')
  t.equal((await verifyAudit({ db: api.db }, {})).intact, true)
})

t.test('every command that works on an installation takes the data folder of an embedded one, and makes none by mistake', async (t) => {
  const WITHOUT = ['api', 'worker', 'demo', 'policy test', 'simulate intune']
  t.strictSame(leaves(program).filter(([, command]) => !command.options.some(({ long }) => long === '--data-dir')).map(([name]) => name).sort(), WITHOUT.sort())

  const api = await startTestApi(t)
  const dataDir = t.testdir({ 'running.json': JSON.stringify({ pid: process.pid, api: 'http://127.0.0.1:9', operatorToken: 'x', databaseUrl: api.databaseUrl }) })
  const commands = startCommands(t)
  const run = async (...args: string[]) => {
    const { code, out, errors } = await commands([...args, '--data-dir', dataDir], { cwd: dataDir })
    t.equal(code, 0, errors)
    return JSON.parse(out) as unknown
  }
  t.match(await run('tenant', 'list'), { items: [{ tenantId: api.tenantId }] })
  t.match(await run('migrate'), { applied: [] })
  t.match(await run('signing-key', 'rotate'), { id: String })
  t.ok(existsSync(join(dataDir, 'secrets-key')), 'under the key of the folder, as the installation does')

  for (const args of [['tenant', 'list'], ['policy', 'get'], ['api-key', 'list', '--data-dir', 'nowhere']]) {
    t.match(await commands(args, { cwd: t.testdir({}) }), { code: 1, out: '', errors: /DATABASE_URL is not set, and there is no installation in .*--data-dir/ }, args.join(' '))
  }
  t.match(await commands(['migrate'], { cwd: dataDir }), { code: 78, errors: /DATABASE_URL/ }, 'who migrates says what')
})
