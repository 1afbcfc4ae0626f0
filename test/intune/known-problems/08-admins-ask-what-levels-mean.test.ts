import t from 'tap'
import { toHealth } from '../../../src/devices/health.js'
import { LIMITS } from '../../../src/onboarding/setup/wish.js'
import { LEVELS } from '../../../src/risk/level.js'
import { startTestApi } from '../../helpers/api.js'

t.test('the connector says what each level means, what Intune is told of it, and under which limits it is compliant', async (t) => {
  const { call, keyFor, tenantId } = await startTestApi(t)
  const { levels } = (await call(await keyFor('viewer'), 'GET', `/v1/tenants/${tenantId}/connector`)).json<{ levels: Array<{ level: typeof LEVELS[number], told: string, meaning: string }> }>()
  t.strictSame(levels.map(({ level }) => level), LEVELS)
  for (const { level, told, meaning } of levels) {
    t.equal(told, toHealth('activated', level, ['apps']), `${level} is told as it is sent`)
    t.ok(meaning.length > 40, level)
    // "At or under": a level is compliant under its own limit and all that are laxer.
    const lax = level === 'secured' ? 'every limit' : LIMITS.slice(LIMITS.indexOf(level)).at(-1)!
    t.match(meaning, lax, `${level} is compliant under ${lax}`)
  }
})

t.test('which detections raise the level, and how far, is in the catalogue of the tenant', async (t) => {
  const { call, keyFor, tenantId } = await startTestApi(t)
  const { items } = (await call(await keyFor('viewer'), 'GET', `/v1/tenants/${tenantId}/detections`)).json<{ items: Array<{ severity: string }> }>()
  for (const severity of ['low', 'medium', 'high']) t.ok(items.some((item) => item.severity === severity), severity)
})
