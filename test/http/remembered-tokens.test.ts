import { randomBytes, randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { createAccessTokens } from '../../src/devices/access-tokens.js'
import { addAgentAuth } from '../../src/http/plugins/agent-auth.js'

t.test('a token is remembered as phones send it, not in every spelling that somebody thinks of', async (t) => {
  const key = { id: randomUUID(), secret: randomBytes(32) }
  let verified = 0
  const keys = {
    async find () {
      verified++
      return key
    },
    generation: () => 0
  }
  const app = Fastify()
  await addAgentAuth(app, { keys, cutoffs: { allows: () => true } })
  app.get('/', { config: { access: 'agent' } }, async ({ device }) => device)
  t.teardown(async () => await app.close())
  const { accessToken } = await createAccessTokens({ keys: { current: () => key }, lifetimeSeconds: 600 }).issue({ deviceId: randomUUID(), tenantId: randomUUID(), credentialsVersion: 0 }, Date.now())
  const timesVerified = async (authorization: string): Promise<number> => {
    const before = verified
    t.equal((await app.inject({ url: '/', headers: { authorization } })).statusCode, 200)
    return verified - before
  }
  t.equal(await timesVerified(`Bearer ${accessToken}`), 1)
  t.equal(await timesVerified(`Bearer ${accessToken}`), 0)
  const long = `Bearer ${' '.repeat(4_000)}${accessToken}`
  t.equal(await timesVerified(long), 1)
  t.equal(await timesVerified(long), 1, 'a long one is looked at anew each time, and takes no room')
})
