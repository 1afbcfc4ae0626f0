import { sql } from 'kysely'
import { openDatabase } from '../platform/database.js'
import { answerInThread } from '../platform/thread.js'
import type { FeedThreadInput } from './feed-thread.js'
import { type ImportResult, storeFeed } from './store-feed.js'

await answerInThread(async ({ databaseUrl, input }: FeedThreadInput): Promise<ImportResult> => {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport import' })
  try {
    // When this thread is ended, PostgreSQL notices at once, rather than at the end of a long statement.
    await sql`select set_config('client_connection_check_interval', '1s', false) where version() ~ 'linux|darwin'`.execute(db)
    return await storeFeed(db, input)
  } finally {
    await db.destroy()
  }
})
