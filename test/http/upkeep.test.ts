import t from 'tap'
import { runUpkeepTask } from '../../src/platform/upkeep-tasks.js'
import { isProblem, startTestApi } from '../helpers/api.js'
import { silentLog } from '../helpers/log.js'

t.test('platform administrators see how upkeep is, and nobody else', async (t) => {
  const api = await startTestApi(t)
  const platform = await api.keyFor('platform-admin')
  await runUpkeepTask({ db: api.db, log: silentLog }, { task: 'sweep', everyMs: 2_000 }, async () => ({ groups: 1 }))
  const { statusCode, body } = await api.call(platform, 'GET', '/v1/upkeep')
  t.match([statusCode, JSON.parse(body)], [200, { items: [{ task: 'sweep', everySeconds: 2, outcome: 'done', runs: 1, result: { groups: 1 }, isLate: false, isRunning: false, succeededAt: String }], nextCursor: null }])
  isProblem(t, await api.call(await api.keyFor('admin'), 'GET', '/v1/upkeep'), { status: 403, code: 'forbidden' })
})
