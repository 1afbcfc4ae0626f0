import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import t from 'tap'
import { createFeedImports } from '../../src/intel/feed-imports.js'
import { storeFeed } from '../../src/intel/store-feed.js'
import { startTestApi } from '../helpers/api.js'
import { createTestDatabase } from '../helpers/database.js'
import { stixFile } from './files.js'

const NOW = new Date('2026-11-23T12:00:00Z')
/** Pauses of a machine that does many things at once; on one with a core to spare they are a few milliseconds. */
const MAX_PAUSE_MS = 1_000
const manyDomains = (count: number): string => stixFile('Many', Array.from({ length: count }, (_, number) => `[domain-name:value='host${number}.evil${number % 97}.example']`))

t.test('the event loop goes on during imports of big, packed and hostile files', async (t) => {
  // Made first: the API turns requests away while its event loop is kept busy, and it is in this process.
  const bundle = manyDomains(40_000)
  const files: ReadonlyArray<readonly [name: string, body: Buffer, status: number]> = [
    ['a STIX bundle of 40,000 domains, gzip', gzipSync(bundle), 200],
    ['20 MB of noise', randomBytes(20 * 1024 * 1024), 400],
    ['JSON that breaks off after 12 MB', Buffer.from('{"type":"bundle","objects":[' + '{"type":"x","y":[1,2,3]},'.repeat(500_000)), 400],
    ['arrays in arrays', Buffer.from('['.repeat(1_000_000)), 400],
    ['a gzip bomb', gzipSync(Buffer.alloc(100 * 1024 * 1024, '[[')), 422]
  ]
  const { url, db } = await createTestDatabase(t)
  const feeds = createFeedImports({ databaseUrl: url, limits: { maxSeconds: 60 } })
  t.teardown(async () => await feeds.close())
  const api = await startTestApi(t, { beside: { databaseUrl: url, tenantId: '00000000-0000-0000-0000-000000000000' }, feedImports: feeds })
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.app.server.address() as AddressInfo
  const key = await api.keyFor('platform-admin')

  /** Sent in pieces, as over a network: our own sending is in the same process. */
  const send = async (body: Buffer): Promise<number> => await new Promise<number>((resolve, reject) => {
    const sending = request({ port, method: 'POST', path: '/v1/intel/feeds/big/import?allowOlder=true', headers: { authorization: `Bearer ${key}`, 'content-length': body.length } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!))
    }).on('error', reject)
    let at = 0
    const more = (): void => {
      if (at >= body.length) {
        sending.end()
        return
      }
      const piece = body.subarray(at, at += 64 * 1024)
      if (sending.write(piece)) setImmediate(more)
      else sending.once('drain', more)
    }
    more()
  })

  const pauses: number[] = []
  for (const [name, body, status] of files) {
    const { result, pause, summary } = await watchLoop(async () => await send(body))
    t.equal(result, status, name)
    t.comment(`${name}: ${summary}`)
    t.ok(pause < MAX_PAUSE_MS, `${name}: ${summary}`)
    pauses.push(pause)
  }
  t.equal((await sql<{ count: number }>`select count(*) as count from indicator`.execute(db)).rows[0]!.count, 40_000, 'what was refused changed nothing')

  const here = await watchLoop(async () => await storeFeed(db, { feed: 'here', format: 'auto', body: bundle, now: NOW }))
  t.comment(`the bundle, imported within this process: ${here.summary}`)
  t.ok(here.pause > pauses[0]!, 'which is what the other process is for')
})

/** How long the event loop stood still at most while this was done. */
async function watchLoop<T> (work: () => Promise<T>): Promise<{ readonly result: T, readonly pause: number, readonly summary: string }> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const started = performance.now()
  delay.enable()
  const result = await work()
  // A pause is seen when it is over.
  await turn(5)
  delay.disable()
  const [pause, usual] = [delay.max / 1e6, delay.percentile(99) / 1e6]
  return { result, pause, summary: `longest pause ${pause.toFixed(1)} ms (99 % at most ${usual.toFixed(1)} ms) in ${(performance.now() - started).toFixed(0)} ms` }
}
