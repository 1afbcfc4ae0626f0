import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stopWhenInterrupted } from './interruption.js'

interface Call { readonly id: number, readonly name: string, readonly argument: unknown }
interface Answer { readonly id: number, readonly result?: unknown, readonly error?: string }

/** Something that runs in a process of its own, so that its work is not counted as ours. */
export interface Remote<Api extends object> {
  readonly pid: number
  call<Name extends keyof Api & string> (name: Name, argument: ArgumentOf<Api[Name]>): Promise<ResultOf<Api[Name]>>
  stop (): Promise<void>
}

type ArgumentOf<F> = F extends (argument: infer A) => Promise<unknown> ? A : never
type ResultOf<F> = F extends (argument: never) => Promise<infer R> ? R : never

/** Starts the compiled module `./<name>.js` of this folder; it must call `serve`. */
export function startRemote<Api extends object> (name: string): Remote<Api> {
  const child: ChildProcess = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] })
  const waiting = new Map<number, { resolve: (value: never) => void, reject: (error: Error) => void }>()
  let calls = 0
  child.on('message', ({ id, result, error }: Answer) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) call?.resolve(result as never)
    else call?.reject(new Error(`${name}: ${error}`))
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended (${signal ?? code})`))
    waiting.clear()
  })
  return {
    pid: child.pid!,
    call: async (method, argument) => await new Promise((resolve, reject) => {
      const id = ++calls
      waiting.set(id, { resolve, reject })
      child.send({ id, name: method, argument } satisfies Call)
    }),
    stop: stopWhenInterrupted(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    })
  }
}

/** In the process itself: answers calls, and ends with its parent. */
export function serve<Api extends object> (api: Api): void {
  process.on('message', ({ id, name, argument }: Call) => {
    const method = api[name as keyof Api] as (argument: unknown) => Promise<unknown>
    method(argument).then(
      (result) => process.send!({ id, result } satisfies Answer),
      (error: unknown) => process.send!({ id, error: error instanceof Error ? error.stack ?? error.message : String(error) } satisfies Answer)
    )
  })
  process.once('disconnect', () => process.exit())
  // Ctrl-C reaches the whole group; the parent decides when we end.
  process.on('SIGINT', () => {})
}
