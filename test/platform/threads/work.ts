import pg from 'pg'
import { InvalidInputError, UnprocessableError } from '../../../src/errors.js'
import { answerInThread } from '../../../src/platform/thread.js'

/** A thread of tests: does what its input says. */
await answerInThread(async ({ what, block, url }: { what: string, block?: ArrayBuffer, url?: string }) => {
  if (what === 'count') return block!.byteLength
  if (what === 'faults') throw new InvalidInputError([{ path: '/a', message: 'is bad' }, { path: '/b', message: 'is worse' }], 'The file')
  if (what === 'unprocessable') throw new UnprocessableError('100% wrong: %s')
  if (what === 'refused') await new pg.Client({ connectionString: url! }).connect()
  if (what === 'exit') process.exit(3)
  if (what === 'forever') for (;;);
  if (what === 'memory') for (const held: unknown[] = []; ;) held.push(new Array(100_000).fill(held.length))
  throw new TypeError('what is that?')
})
