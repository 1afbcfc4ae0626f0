// Types and lint side by side, as they do not need each other; then the rules of imports, on what was compiled.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** @returns {Promise<boolean>} whether it found nothing */
async function run (...args) {
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit')
  return code === 0
}

const clean = await Promise.all([
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'),
  run('node_modules/eslint/bin/eslint.js', '--cache', '--cache-location', 'dist/.eslintcache', '.')
])
if (clean.includes(false) || !await run('--enable-source-maps', 'dist/test/architecture.test.js')) process.exitCode = 1
