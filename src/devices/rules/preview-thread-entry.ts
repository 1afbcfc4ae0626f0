import { sql } from 'kysely'
import { createIntelCache } from '../../intel/index/intel-cache.js'
import { openDatabase } from '../../platform/database.js'
import { createLogger } from '../../platform/log.js'
import { answerInThread, lowerThreadPriority } from '../../platform/thread.js'
import { createAppInventories } from '../app-inventories.js'
import type { PreviewThreadInput } from './preview.js'
import { PREVIEW_LISTS, previewSlice } from './preview-slice.js'

await answerInThread(async ({ databaseUrl, snapshot, done, slice }: PreviewThreadInput) => {
  lowerThreadPriority()
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 2, applicationName: 'sallyport preview' })
  try {
    const intel = await createIntelCache({ db, log: createLogger({ level: 'warn' }) })
    try {
      const progress = new Int32Array(done)
      return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) => {
        await sql`set transaction snapshot ${sql.lit(snapshot)}`.execute(tx)
        return await previewSlice({
          tx, intel: intel.current(), apps: createAppInventories({ db, maxLists: PREVIEW_LISTS }),
          onProgress: (devices) => { Atomics.add(progress, 0, devices) }
        }, slice)
      })
    } finally {
      await intel.close()
    }
  } finally {
    await db.destroy()
  }
})
