import { sql } from 'kysely'
import { answerInChild } from '../platform/child-work.js'
import { openDatabase } from '../platform/database.js'
import type { FeedImportInput } from './feed-imports.js'
import { type ImportResult, storeFeed } from './store-feed.js'

await answerInChild(async ({ databaseUrl, input }: FeedImportInput, body): Promise<ImportResult> => {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport import' })
  try {
    // When this process is ended, PostgreSQL notices at once, rather than at the end of a long statement.
    await sql`select set_config('client_connection_check_interval', '1s', false) where version() ~ 'linux|darwin'`.execute(db)
    return await storeFeed(db, { ...input, body })
  } finally {
    await db.destroy()
  }
})
