import { sql } from 'kysely'
import { readIntelView } from '../../intel/index/intel-cache.js'
import { openDatabase } from '../../platform/database.js'
import { answerInThread, lowerThreadPriority } from '../../platform/thread.js'
import { createAppInventories } from '../app-inventories.js'
import type { PreviewThreadInput } from './preview.js'
import { PREVIEW_LISTS, previewSlice } from './preview-slice.js'

await answerInThread(async ({ databaseUrl, snapshot, done, slice }: PreviewThreadInput) => {
  lowerThreadPriority()
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 2, applicationName: 'sallyport preview' })
  try {
    const progress = new Int32Array(done)
    return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) => {
      await sql`set transaction snapshot ${sql.lit(snapshot)}`.execute(tx)
      return await previewSlice({
        // Of the same moment as the phones, and so the same in all threads.
        tx, intel: await readIntelView(tx), apps: createAppInventories({ db, maxLists: PREVIEW_LISTS }),
        onProgress: (devices) => { Atomics.add(progress, 0, devices) }
      }, slice)
    })
  } finally {
    await db.destroy()
  }
})
