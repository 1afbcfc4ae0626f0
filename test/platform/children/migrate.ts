import { migrate } from '../../../src/platform/migrate.js'

// Migrates the database named when its parent says so.
process.once('message', () => {
  migrate({ databaseUrl: process.argv[2]! }).then(
    (applied) => process.send!({ applied }),
    (error: Error) => process.send!({ error: error.message }))
})
process.on('disconnect', () => process.exit())
process.send!('ready')
