import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { stalkerwareFile } from '../intel/files.js'

t.test('sallyport intel imports, lists, shows and removes feeds, and it is written down', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const folder = await mkdtemp(join(tmpdir(), 'sallyport intel '))
  t.teardown(async () => await rm(folder, { recursive: true, force: true }))
  const commands = startCommands(t)
  const run = async (...args: readonly string[]) => await commands(['intel', ...args], { env: { DATABASE_URL: url }, cwd: folder })
  t.match(await run('list'), { code: 0, out: 'there is no feed\n' })
  await writeFile(join(folder, 'old.yaml'), stalkerwareFile({ packages: ['com.old.spy'] }))
  await writeFile(join(folder, 'spies.yaml.gz'), gzipSync(stalkerwareFile({ packages: ['com.evil.spy', 'not a package'] })))
  t.match(await run('import', '--feed', 'spies', 'old.yaml'), { code: 0, out: /^spies \(stalkerware\): 1 added/ })
  t.match(await run('import', '--class', 'malware', 'spies.yaml.gz'), { code: 0, out: /^spies \(stalkerware\): 1 added, 0 updated, 0 unchanged, 1 withdrawn/ })
  t.match(await run('import', '--class', 'nice', 'spies.yaml.gz'), { code: 1, errors: /--class must be one of malware, / })
  t.match(await run('import', '--feed', 'spies', 'old.yaml'), { code: 1, errors: /old\.yaml: The file is version 1 of the feed/ })

  t.match((await run('list')).out, /^spies \(stalkerware\): version 2, imported \d+ \w+ ago\n {2}1 entries: 1 app-id; 1 skipped\n$/)
  t.match(JSON.parse((await run('list', '--json')).out), [{ name: 'spies', version: 2, entries: 1 }])
  t.match(await run('show', 'com.good'), { code: 0, out: 'no feed says anything about com.good\n' })
  t.match((await run('show', 'com.evil.spy')).out, /^spies: app-id com\.evil\.spy is artifact of Spy \(malware\)\n {2}(?:.*\n {2})?since version 2 of the feed, now 2, imported /)
  t.match(JSON.parse((await run('show', '--json', 'com.evil.spy')).out), [{ feed: 'spies', threatClass: 'malware', sinceVersion: 2 }])

  t.match(await run('import', '--allow-older', '--feed', 'spies', 'old.yaml'), { code: 0, out: /1 added.*1 withdrawn/ })
  t.match(await run('remove', 'spies'), { code: 0, out: 'spies was removed\n' })
  t.match(await run('remove', 'spies'), { code: 1, errors: 'sallyport: spies: There is no such feed.\n' })
  const events = await db.selectFrom('audit_event').selectAll().orderBy('id').execute()
  t.match(events.map(({ actor, action, subject, detail }) => [actor, action, subject, detail]), [
    ['command line', 'feed.imported', 'spies', { version: 1 }], ['command line', 'feed.imported', 'spies', { version: 2, withdrawn: 1 }],
    ['command line', 'feed.imported', 'spies', { version: 3, allowOlder: true }], ['command line', 'feed.removed', 'spies', {}]
  ])
})
