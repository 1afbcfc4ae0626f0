import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres.js'
import { silentLog } from '../../helpers/log.js'

// A process that owns a PostgreSQL: on the folder named, or on a throw-away one.
const [dataDir, uid] = process.argv.slice(2)
if (uid !== undefined) becomeUser(Number(uid))

process.on('disconnect', () => process.exit())
try {
  const postgres = await startEmbeddedPostgres({ ...(dataDir === '' ? {} : { dataDir: dataDir! }), log: silentLog })
  process.on('message', () => {
    void postgres.stop().then(() => process.send!('stopped'))
  })
  process.send!({ url: postgres.url, pid: postgres.pid })
} catch (error) {
  process.send!({ error: (error as Error).message })
}

/** Only now, because such a user may not be able to read this clone's TypeScript. */
function becomeUser (uid: number): void {
  process.setgroups!([])
  process.setgid!(uid)
  process.setuid!(uid)
}
