import { openDatabase } from '../../../src/platform/database.js'
import { runUpkeepTask } from '../../../src/platform/upkeep-tasks.js'
import { silentLog } from '../../helpers/log.js'

// A process that takes a task of upkeep, says so, and never finishes it.
process.on('disconnect', () => process.exit())
const [url, leaseMs] = process.argv.slice(2)
const db = openDatabase({ connectionString: url! })
await runUpkeepTask({ db, log: silentLog, leaseMs: Number(leaseMs) }, { task: 'sweep', everyMs: 50 }, async () => {
  process.send!('taken')
  await new Promise(() => {})
})
