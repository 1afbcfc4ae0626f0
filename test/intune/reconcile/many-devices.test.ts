// Alone in its process: it measures memory.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { setUpReconciling } from './helpers.js'

/** `RECONCILE_DEVICES=100000` measures more; the simulator is in the same process. */
const DEVICES = Number(process.env['RECONCILE_DEVICES'] ?? 10_000)

t.test(`${DEVICES} phones take a request for a page of a thousand`, { timeout: 1_800_000 }, async (t) => {
  const { db, tenantId, atIntune, round } = await setUpReconciling(t)
  const phones = Array.from({ length: DEVICES }, (_, n) => ({ entraDeviceId: randomUUID(), serialNumber: `SERIAL${n}`, userId: '00000000-0000-4000-8000-00000000aaaa' }))
  await atIntune(phones)
  // Every second one has enrolled here.
  await sql`
    insert into device (tenant_id, entra_device_id, platform, public_key, enrolled_at)
    select ${tenantId}, id, 'android', '{}', now() from jsonb_array_elements_text(${JSON.stringify(phones.filter((_, n) => n % 2 === 0).map(({ entraDeviceId }) => entraDeviceId))}::jsonb) e(id_text), lateral (select id_text::uuid as id) i`.execute(db)
  await sql`insert into device_state (device_id, tenant_id, state) select id, tenant_id, '{}' from device`.execute(db)
  await sql`analyze device, device_state`.execute(db)

  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  let peak = before
  const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage().heapUsed) }, 50)
  for (const kind of ['first', 'second'] as const) {
    const startedAt = performance.now()
    const { counts } = await round({ tuning: { sliceMs: 600_000 } })
    const seconds = (performance.now() - startedAt) / 1000
    t.match(counts, { seen: DEVICES, new: kind === 'first' ? DEVICES : 0, vanished: 0, errors: 0 })
    // Each list has a page for every thousand phones; Entra's second is a change list, and short.
    const pages = Math.ceil(DEVICES / 1_000)
    t.ok(counts.requests <= pages * 12 + 5, `${counts.requests} requests`)
    t.comment(`${kind} full round: ${counts.requests} requests, ${counts.pages} pages, ${seconds.toFixed(1)} s`)
  }
  clearInterval(watch)
  t.comment(`heap: ${Math.round(before / 1e6)} MB before, ${Math.round(peak / 1e6)} MB at most`)
  const { rows } = await sql<{ bytes: number }>`select pg_total_relation_size('directory_device')::float8 / ${DEVICES}::integer as bytes`.execute(db)
  t.comment(`directory_device: ${Math.round(rows[0]!.bytes)} bytes a phone with indexes`)
})
