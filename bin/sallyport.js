#!/usr/bin/env node
// The command of a clone: runs what `npm run build` compiled.
import { existsSync } from 'node:fs'

const entry = new URL('../dist/src/cli.js', import.meta.url)
if (!existsSync(entry)) {
  process.stderr.write('Sallyport is not built yet: run `npm ci` or `npm run build` first.\n')
  process.exit(78)
}
await (await import(entry.href)).runCommand()
