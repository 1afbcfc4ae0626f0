import { readFileSync } from 'node:fs'

// Loaded before a process's own code: its wall clock is off by the milliseconds that CLOCK_FILE holds, read again at
// SIGUSR2. Timers go by the other clock, as they do where an administrator sets the time.
const RealDate = Date
let offsetMs = 0
const read = (): void => { offsetMs = Number(readFileSync(process.env.CLOCK_FILE!, 'utf8')) }
const now = (): number => RealDate.now() + offsetMs
read()
process.on('SIGUSR2', read)
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, property) => property === 'now' ? now : Reflect.get(target, property)
})
