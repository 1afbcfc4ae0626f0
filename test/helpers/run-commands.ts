import { runCommand } from '../../src/cli.js'
import type { Command, Ended } from './commands.js'

// One `sallyport` command after another in a process that has loaded the code once. Each sees the environment, the
// folder and the streams of its own that a process would have.
class Exit extends Error {}

let ended: { code: number, out: string, errors: string }
let hasExited = false
process.exit = ((code?: number) => {
  // What runs on afterwards only catches what is thrown here.
  if (!hasExited) ended.code = code ?? 0
  hasExited = true
  throw new Exit()
}) as typeof process.exit
const into = (stream: 'out' | 'errors') => ((chunk: string | Uint8Array, ...rest: unknown[]) => {
  if (!hasExited) ended[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
  const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined
  if (done !== undefined) process.nextTick(done)
  return true
}) as typeof process.stdout.write
process.stdout.write = into('out')
process.stderr.write = into('errors')

async function run ({ args, env, cwd }: Command): Promise<Ended> {
  ended = { code: 0, out: '', errors: '' }
  hasExited = false
  for (const name of Object.keys(process.env)) if (!(name in env)) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, env)
  process.chdir(cwd)
  try {
    await runCommand([process.execPath, 'sallyport', ...args])
  } catch (error) {
    if (!(error instanceof Exit)) throw error
  }
  if (!hasExited) ended.code = Number(process.exitCode ?? 0)
  process.exitCode = undefined
  return ended
}

let last: Promise<unknown> = Promise.resolve()
process.on('message', (command: Command) => {
  last = last.then(async () => process.send!(await run(command)))
})
process.on('disconnect', () => { process.kill(process.pid, 'SIGKILL') })
