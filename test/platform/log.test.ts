import pg from 'pg'
import t from 'tap'
import { createLogger } from '../../src/platform/log.js'

const SECRET = 'hunter2-very-secret'

/** The lines that logging leaves behind. */
function capture (write: (log: ReturnType<typeof createLogger>) => void, level = 'info'): Array<Record<string, unknown>> {
  const lines: string[] = []
  write(createLogger({ level, destination: { write: (line) => { lines.push(line) } } }))
  return lines.map((line) => JSON.parse(line))
}

t.test('values under the names of secrets are blotted out, at the top and below', async (t) => {
  const names = ['authorization', 'Authorization', 'token', 'accessToken', 'access_token', 'operatorToken', 'enrollmentToken', 'refresh_token',
    'assertion', 'client_assertion', 'clientSecret', 'client_secret', 'secret', 'password', 'cookie', 'apiKey', 'privateKey',
    'databaseUrl', 'redisUrl', 'connectionString', 'DATABASE_URL', 'REDIS_URL', 'INTUNE_CLIENT_SECRET']
  for (const name of names) {
    const lines = capture((log) => {
      log.info({ [name]: SECRET }, 'top')
      log.info({ request: { [name]: SECRET } }, 'below')
      log.info({ request: { headers: { [name]: SECRET } } }, 'further below')
      log.child({ [name]: SECRET }).info('in a child')
    })
    t.equal(lines.length, 4)
    t.notMatch(JSON.stringify(lines), SECRET, name)
  }
})

t.test('secrets within texts are blotted out, and the rest stays readable', async (t) => {
  const texts: Record<string, string> = {
    'a connection string': `cannot reach postgres://sallyport:${SECRET}@db.example:5432/sallyport`,
    'a Redis without user': `cannot reach rediss://:${SECRET}@cache.example:6379`,
    'a bearer token': `refused: Authorization: Bearer ${SECRET}`,
    'a form': `grant_type=client_credentials&client_secret=${SECRET}&scope=x`,
    'an assertion': `client_assertion=${SECRET}&resource=y`
  }
  for (const [name, text] of Object.entries(texts)) {
    const lines = capture((log) => {
      log.info(text)
      log.info({ detail: text }, 'said')
      log.error({ err: new Error(text, { cause: new Error(text) }) }, 'failed')
    })
    t.notMatch(JSON.stringify(lines), SECRET, name)
  }
  t.match(capture((log) => log.info(texts['a connection string']))[0]?.msg, 'db.example:5432/sallyport')
  t.match(capture((log) => log.info(texts['a form']))[0]?.msg, 'scope=x')
})

t.test('an error tells its kind, code, detail and cause, and not its connection', async (t) => {
  const error = Object.assign(new pg.DatabaseError('duplicate key', 9, 'error'), { code: '23505', detail: 'Key exists', client: { connectionParameters: { password: SECRET } } })
  const [line] = capture((log) => log.error({ err: new Error('outer', { cause: error }) }, 'failed'))
  t.match(line, { msg: 'failed', err: { type: 'Error', message: 'outer', stack: String, cause: { message: 'duplicate key', code: '23505', detail: 'Key exists' } } })
  t.notMatch(JSON.stringify(line), SECRET)
  t.equal(capture((log) => log.error({ err: 'only a text' }, 'failed'))[0]?.err, 'only a text')
})

t.test('an error that is its own cause does not break the log', async (t) => {
  const error = new Error('round')
  error.cause = error
  t.equal(capture((log) => log.error({ err: error }, 'failed')).length, 1)
})

t.test('lines are JSON with a time people can read, and none is below the level', async (t) => {
  const lines = capture((log) => {
    log.debug('quiet')
    log.warn({ device: 'a' }, 'loud')
  })
  t.equal(lines.length, 1)
  t.match(lines[0], { time: /^\d{4}-\d\d-\d\dT.*Z$/, level: 40, device: 'a', msg: 'loud' })
})
