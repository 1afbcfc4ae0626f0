import { sql } from 'kysely'
import t from 'tap'
import { recordAudit } from '../../src/platform/record-audit.js'
import { storableJson } from '../../src/platform/storable-json.js'
import { createTestDatabase } from '../helpers/database.js'

const CUT = `${'x'.repeat(9)}😀`.slice(0, 10)

t.test('what strangers wrote is storable wherever it was cut, and all else is as it was', async (t) => {
  t.strictSame(JSON.parse(storableJson({ [CUT]: [CUT, 'a\0b', { deep: '\udc00' }], whole: '😀', slash: '\\ud800', date: new Date(0), none: null })), {
    [`${'x'.repeat(9)}\ufffd`]: [`${'x'.repeat(9)}\ufffd`, 'a\ufffdb', { deep: '\ufffd' }], whole: '😀', slash: '\\ud800', date: '1970-01-01T00:00:00.000Z', none: null
  })
  t.equal(storableJson({ a: '😀', b: [1] }), '{"a":"😀","b":[1]}')
})

t.test('a line of the audit with half a character in it is written', async (t) => {
  const { db } = await createTestDatabase(t)
  await t.rejects(sql`select ${JSON.stringify({ said: CUT })}::jsonb`.execute(db), 'PostgreSQL takes no such JSON')
  await recordAudit(db, { tenantId: null, actor: 'test', action: 'test.done', detail: { said: CUT, nul: 'a\0b' } })
  t.match(await db.selectFrom('audit_event').select('detail').where('action', '=', 'test.done').executeTakeFirst(), { detail: { said: `${'x'.repeat(9)}\ufffd`, nul: 'a\ufffdb' } })
})
