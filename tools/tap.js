// Runs tap without the module loaders that it puts into every test process and all that those start: one records
// which files were loaded (for coverage and `--changed`), one replaces modules (`t.mockImport`), one compiles TypeScript.
// We use none of them, and together they make loading the code three times as long. What stays is tap's own process.
import child_process from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

const LOADER = /^--import=.*\/@tapjs\//

const { spawn } = child_process
child_process.spawn = (command, args, ...rest) => spawn(command, Array.isArray(args) ? args.filter((arg) => !LOADER.test(arg)) : args, ...rest)
syncBuiltinESMExports()

await import(new URL('run.mjs', import.meta.resolve('tap')))
