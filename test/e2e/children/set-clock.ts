import { readFileSync, writeFileSync } from 'node:fs'

// Loaded before a process's own code: its wall clock is off by the milliseconds that CLOCK_FILE holds, read again at
// SIGUSR2, which is noted beside that file. Timers go by the other clock, as they do where an administrator sets the time.
const RealDate = Date
const file = process.env.CLOCK_FILE!
let offsetMs = 0
const read = (): void => { offsetMs = Number(readFileSync(file, 'utf8')) }
const now = (): number => RealDate.now() + offsetMs
read()
process.on('SIGUSR2', () => {
  read()
  writeFileSync(`${file}.${process.pid}`, String(offsetMs))
})
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, property) => property === 'now' ? now : Reflect.get(target, property)
})
