import fc from 'fast-check'
import t from 'tap'
import { AppList } from '../../src/agent/app-list.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import type { App } from '../../src/telemetry/report.js'

t.test('says all, then what has changed, then nothing', async (t) => {
  const list = new AppList()
  const before: App[] = [{ appId: 'a', version: '1' }, { appId: 'b' }]
  t.strictSame(list.next(before), { mode: 'snapshot', items: before })
  t.equal(list.next([...before].reverse()), undefined, 'order says nothing')
  t.strictSame(list.next([{ appId: 'a', version: '2' }, { appId: 'c' }]), {
    mode: 'delta', baseDigest: digestApps(before), upsert: [{ appId: 'a', version: '2' }, { appId: 'c' }], remove: ['b']
  })
  list.forget()
  t.match(list.next([]), { mode: 'snapshot', items: [] })
})

t.test('a server that follows the changes has the list', async () => {
  const apps = fc.uniqueArray(fc.record({ appId: fc.constantFrom('a', 'b', 'c', 'd', 'e'), version: fc.constantFrom('1', '2') }), { selector: ({ appId }) => appId })
  fc.assert(fc.property(fc.array(apps, { minLength: 1, maxLength: 12 }), (lists) => {
    const list = new AppList()
    let known = new Map<string, App>()
    for (const installed of lists) {
      const said = list.next(installed)
      if (said?.mode === 'snapshot') known = new Map(said.items.map((app) => [app.appId, app]))
      if (said?.mode === 'delta') {
        if (said.baseDigest !== digestApps(known.values())) return false
        for (const appId of said.remove ?? []) known.delete(appId)
        for (const app of said.upsert ?? []) known.set(app.appId, app)
      }
      if (digestApps(known.values()) !== digestApps(installed)) return false
    }
    return true
  }))
})
