import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { isAlive } from '../../src/platform/process-identity.js'
import { temporaryFolder } from '../e2e/sallyport.js'
import { descendantsOf } from '../helpers/child-processes.js'

t.test('a benchmark that is asked to stop leaves neither processes nor folders behind', async (t) => {
  const temporary = temporaryFolder(t)
  const child = spawn(process.execPath, [join(packageRoot, 'dist/bench/run.js'), 'soak', '--seconds', '60', '--phones', '300', '--rate', '10'], {
    env: { ...process.env, TMPDIR: temporary }, stdio: ['ignore', 'ignore', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line)
    if (line.startsWith('enrolling')) break
  }
  child.stderr.resume()
  const started = descendantsOf(child.pid!)
  t.ok(started.length > 5, `an installation runs: ${started.length} processes (${said.join('; ')})`)
  t.ok(readdirSync(temporary).some((name) => name.startsWith('sallyport-bench-')))

  child.kill('SIGTERM')
  t.strictSame(await exited, [143, null])
  t.strictSame(started.filter(isAlive), [])
  t.strictSame(readdirSync(temporary).filter((name) => name.startsWith('sallyport-bench-')), [])
})
