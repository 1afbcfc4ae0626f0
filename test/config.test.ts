import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, loadConfig, SETTINGS, withSettings } from '../src/config.js'
import { packageRoot } from '../src/platform/package-root.js'
import { startCommands } from './helpers/commands.js'

const SECRET = 'hunter2-very-secret'

/** For every setting: a value that is not its default, and what becomes of it. */
const VALUES: Record<keyof typeof SETTINGS, readonly [text: string, value: string | number | boolean]> = {
  DATABASE_URL: ['postgresql://sallyport@db/sallyport', 'postgresql://sallyport@db/sallyport'],
  DATABASE_POOLER_URL: ['postgresql://sallyport@pool/{role}', 'postgresql://sallyport@pool/{role}'],
  DATABASE_ROLE_PREFIX: ['mtd', 'mtd'],
  REDIS_URL: ['rediss://cache:6379/1', 'rediss://cache:6379/1'],
  REDIS_PREFIX: ['mtd', 'mtd'],
  HOST: ['0.0.0.0', '0.0.0.0'],
  PORT: ['0', 0],
  OPS_HOST: ['::1', '::1'],
  OPS_PORT: ['65535', 65_535],
  STOP_DELAY_SECONDS: ['15', 15],
  TRUST_PROXY: ['10.0.0.0/8', '10.0.0.0/8'],
  PUBLIC_URL: ['https://mtd.example.org', 'https://mtd.example.org'],
  LOG_LEVEL: ['debug', 'debug'],
  ACCESS_TOKEN_SECONDS: ['60', 60],
  SIGNING_KEY_DAYS: ['7', 7],
  RATE_LIMIT_DEVICE: ['11', 11],
  RATE_LIMIT_DEVICE_MB: ['67', 67],
  RATE_LIMIT_TENANT: ['12', 12],
  RATE_LIMIT_ADDRESS: ['13', 13],
  RATE_LIMIT_FAILURES: ['14', 14],
  RATE_LIMIT_API_KEY: ['15', 15],
  RATE_LIMIT_PARTNER: ['66', 66],
  JOURNAL_MAX_WAITING: ['1', 1],
  TAKE_OVER_SECONDS: ['5', 5],
  SCORE_CONCURRENCY: ['8', 8],
  SYNC_CONCURRENCY: ['9', 9],
  REPORT_RETENTION_DAYS: ['7', 7],
  STATE_CHANGE_RETENTION_DAYS: ['9', 9],
  HISTORY_RETENTION_DAYS: ['90', 90],
  RETIRED_DEVICE_RETENTION_DAYS: ['91', 91],
  CREDENTIAL_RETENTION_DAYS: ['92', 92],
  PRIVACY_MODE: ['true', true],
  SECRETS_KEY: ['MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=', 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='],
  SIGNALS_ALLOW_PRIVATE_HOSTS: ['siem.example', 'siem.example'],
  INTEL_ALLOW_PRIVATE_HOSTS: ['mirror.example.org', 'mirror.example.org'],
  HTTPS_PROXY: ['http://us:pass@proxy:3128', 'http://us:pass@proxy:3128'],
  HTTP_PROXY: ['http://proxy:3128', 'http://proxy:3128'],
  NO_PROXY: ['.example.org,10.0.0.0/8', '.example.org,10.0.0.0/8'],
  OTEL_EXPORTER_OTLP_ENDPOINT: ['http://collector:4318', 'http://collector:4318'],
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['http://collector:4318/v1/traces', 'http://collector:4318/v1/traces'],
  OTEL_EXPORTER_OTLP_PROTOCOL: ['http/json', 'http/json'],
  OTEL_EXPORTER_OTLP_HEADERS: ['api-key=a%20b,x=y=', 'api-key=a%20b,x=y='],
  OTEL_EXPORTER_OTLP_COMPRESSION: ['gzip', 'gzip'],
  OTEL_EXPORTER_OTLP_TIMEOUT: ['17', 17],
  OTEL_TRACES_SAMPLER: ['traceidratio', 'traceidratio'],
  OTEL_TRACES_SAMPLER_ARG: ['0.25', 0.25],
  OTEL_BSP_SCHEDULE_DELAY: ['18', 18],
  OTEL_BSP_MAX_QUEUE_SIZE: ['900', 900],
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: ['19', 19],
  OTEL_SERVICE_NAME: ['mtd', 'mtd'],
  OTEL_RESOURCE_ATTRIBUTES: ['deployment.environment.name=test', 'deployment.environment.name=test'],
  OTEL_SDK_DISABLED: ['true', true],
  ENTRA_AUTHORITY_HOST: ['https://login.microsoftonline.us', 'https://login.microsoftonline.us'],
  GRAPH_BASE_URL: ['https://graph.microsoft.us', 'https://graph.microsoft.us'],
  INTUNE_RESOURCE: ['https://api.manage.microsoft.us/', 'https://api.manage.microsoft.us/'],
  INTUNE_ENDPOINT_HOSTS: ['.example.org', '.example.org'],
  INTUNE_CLIENT_ID: ['an-app', 'an-app'],
  INTUNE_CLIENT_SECRET: [SECRET, SECRET],
  INTUNE_CLIENT_CERTIFICATE: ['/run/secrets/app.pem', '/run/secrets/app.pem'],
  INTUNE_FEDERATED_TOKEN_FILE: ['/var/run/secrets/token', '/var/run/secrets/token'],
  INTUNE_SETUP_CLIENT_ID: ['another-app', 'another-app'],
  INTUNE_SETUP_CLIENT_SECRET: [SECRET, SECRET],
  INTUNE_SETUP_CLIENT_CERTIFICATE: ['/run/secrets/setup.pem', '/run/secrets/setup.pem'],
  INTUNE_SETUP_FEDERATED_TOKEN_FILE: ['/var/run/secrets/setup-token', '/var/run/secrets/setup-token'],
  INTUNE_CONNECTOR_ID: ['11111111-2222-4333-8444-555555555555', '11111111-2222-4333-8444-555555555555'],
  INTUNE_CA_FILE: ['/etc/ssl/extra.pem', '/etc/ssl/extra.pem'],
  INTUNE_HEARTBEAT_MINUTES: ['15', 15],
  PARTNER_API_AUDIENCE: ['api://x,0000000a-0000-0000-c000-00000000000b', 'api://x,0000000a-0000-0000-c000-00000000000b'],
  PARTNER_API_CLIENTS: ['0000000a-0000-0000-c000-00000000000c', '0000000a-0000-0000-c000-00000000000c'],
  OIDC_AUDIENCE: ['api://y', 'api://y'],
  OIDC_ISSUER: ['https://idp.example/realms/x', 'https://idp.example/realms/x'],
  OIDC_PLATFORM_TENANTS: ['0000000a-0000-0000-c000-00000000000d', '0000000a-0000-0000-c000-00000000000d'],
  OIDC_ROLE_MAP: ['Soc Team=analyst@*, root=platform-admin', 'Soc Team=analyst@*, root=platform-admin'],
  OIDC_ROLES_CLAIM: ['realm_access.roles,roles', 'realm_access.roles,roles'],
  OIDC_GROUPS_CLAIM: ['https://example.org/groups', 'https://example.org/groups'],
  OIDC_SCOPE: ['mtd:operate', 'mtd:operate'],
  OIDC_CLIENTS: ['a,b', 'a,b'],
  OIDC_ALGORITHMS: ['ES256,EdDSA', 'ES256,EdDSA'],
  OIDC_CA_FILE: ['/etc/ssl/idp.pem', '/etc/ssl/idp.pem'],
  INTUNE_RECONCILE_MINUTES: ['5', 5],
  PARTNER_WIRE_APP_SYNC_REQUEST_TYPE: ['8', 8],
  PARTNER_WIRE_APP_SYNC_ANSWER_TYPE: ['9', 9],
  PARTNER_WIRE_APP_SYNC_APPS_FIELD: ['Applications', 'Applications'],
  INTUNE_UNRESPONSIVE_DAYS: ['7', 7],
  INTUNE_WRITE_LIMIT: ['0', 0],
  INTUNE_CALL_LIMIT: ['500', 500],
  INTUNE_DEAD_AFTER_REFUSALS: ['10', 10],
  INTUNE_DEAD_AFTER_HOURS: ['24', 24],
  PARTNER_WIRE_ENTITY_TYPE: ['0', 0],
  PARTNER_WIRE_HEALTH_FIELD: ['Threat', 'Threat'],
  PARTNER_WIRE_HEALTH_VALUES: ['secured=0,highSeverity=3', 'secured=0,highSeverity=3'],
  PARTNER_WIRE_DEVICE_API_VERSION: ['1.3', '1.3'],
  PARTNER_WIRE_TENANT_API_VERSION: ['1.7', '1.7']
}
const NAMES = Object.keys(VALUES) as Array<keyof typeof VALUES>

const textsOf = (names: readonly (keyof typeof VALUES)[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, VALUES[name][0]]))

t.test('every setting comes from the environment', async (t) => {
  t.strictSame([...NAMES].sort(), Object.keys(SETTINGS).sort(), 'and every setting is tested here')
  // An app proves itself by a secret, a certificate or a federated token: by one of them.
  const ways = ['CLIENT_SECRET', 'CLIENT_CERTIFICATE', 'FEDERATED_TOKEN_FILE']
  for (const way of ways) {
    const names = NAMES.filter((name) => !ways.some((other) => other !== way && (name === `INTUNE_${other}` || name === `INTUNE_SETUP_${other}`)) && name !== 'OIDC_PLATFORM_TENANTS')
    t.strictSame({ ...loadConfig(textsOf(names)) }, Object.fromEntries(names.map((name) => [name, VALUES[name][1]])))
  }
  // Which is of use with Entra of many tenants alone.
  t.match(loadConfig(textsOf(['OIDC_AUDIENCE', 'OIDC_PLATFORM_TENANTS'])), { OIDC_PLATFORM_TENANTS: VALUES.OIDC_PLATFORM_TENANTS[1] })
})

t.test('without an environment there are defaults, none of them a secret, and nothing can be changed', async (t) => {
  const config = loadConfig({})
  for (const [name, setting] of Object.entries(SETTINGS)) {
    t.equal(config[name as keyof typeof config] === undefined, setting.default === undefined, name)
    if (setting.secret === true) t.equal(setting.default, undefined, `${name} is a secret`)
  }
  t.ok(Object.isFrozen(config))
})

t.test('an empty variable is an unset one, and others are none of ours', async (t) => {
  t.strictSame(loadConfig({ ...Object.fromEntries(NAMES.map((name) => [name, ''])), PATH: '/bin' }), loadConfig({}))
})

t.test('a value that is wrong is refused by the name of its variable', async (t) => {
  const wrong: Array<readonly [keyof typeof VALUES, string]> = [
    ['DATABASE_URL', 'mysql://db/x'], ['DATABASE_POOLER_URL', 'postgres://pool/sallyport'], ['REDIS_URL', 'http://cache'], ['PORT', '65536'], ['PORT', '-1'], ['PORT', '80a'], ['PORT', ' 80'], ['PORT', '1e3'],
    ['OPS_PORT', 'any'], ['PUBLIC_URL', 'mtd.example.org'], ['LOG_LEVEL', 'loud'], ['ACCESS_TOKEN_SECONDS', '59'], ['JOURNAL_MAX_WAITING', '0'], ['TAKE_OVER_SECONDS', '1'],
    ['SCORE_CONCURRENCY', '1.5'], ['ENTRA_AUTHORITY_HOST', 'http://login.microsoftonline.com'], ['GRAPH_BASE_URL', 'https://'],
    ['OIDC_AUDIENCE', 'a b'], ['OIDC_AUDIENCE', '00000003-0000-0000-c000-000000000000'], ['OIDC_ALGORITHMS', 'HS256'], ['OIDC_ALGORITHMS', 'RS256,none'], ['OIDC_ROLES_CLAIM', 'a,,b'],
    ['SECRETS_KEY', 'c2hvcnQ='], ['PARTNER_WIRE_HEALTH_VALUES', 'secured'], ['PARTNER_WIRE_HEALTH_VALUES', 'fine=0']
  ]
  for (const [name, text] of wrong) {
    try {
      loadConfig({ [name]: text })
      t.fail(`${name}=${text} was taken`)
    } catch (error) {
      t.ok(error instanceof ConfigError)
      t.strictSame((error as ConfigError).faults.map(({ variable }) => variable), [name], `${name}=${text}`)
    }
  }
})

t.test('an Entra app needs exactly one way to prove itself, and the fault names all of them', async (t) => {
  const ways = { CLIENT_SECRET: SECRET, CLIENT_CERTIFICATE: 'app.pem', FEDERATED_TOKEN_FILE: '/token' }
  for (const app of ['INTUNE_', 'INTUNE_SETUP_']) {
    const all = Object.entries(ways).map(([way, value]): [string, string] => [`${app}${way}`, value])
    for (const given of [[], all.slice(0, 2), all.slice(1), [all[0]!, all[2]!], all]) {
      const env = { [`${app}CLIENT_ID`]: 'an-app', ...Object.fromEntries(given) }
      t.throws(() => loadConfig(env), new RegExp(`${app}CLIENT_ID: needs exactly one of ${all.map(([name]) => name).join(', ')}`), given.map(([name]) => name).join(' and '))
    }
    for (const one of all) t.doesNotThrow(() => loadConfig({ [`${app}CLIENT_ID`]: 'an-app', ...Object.fromEntries([one]) }), one[0])
  }
  t.throws(() => loadConfig({ INTUNE_SETUP_CLIENT_SECRET: SECRET }), /INTUNE_SETUP_CLIENT_SECRET: is of use only with INTUNE_SETUP_CLIENT_ID/)
})

t.test('what is secret can stand in a file, without the newline at its end', async (t) => {
  const secrets = NAMES.filter((name) => (SETTINGS[name] as { secret?: boolean }).secret === true)
  t.ok(secrets.length >= 7)
  const folder = t.testdir(Object.fromEntries(secrets.map((name, n) => [name, `${VALUES[name][0]}${['', '\n', '\r\n'][n % 3]!}`])))
  const id = { INTUNE_CLIENT_ID: 'an-app', INTUNE_SETUP_CLIENT_ID: 'another-app' }
  const files = Object.fromEntries(secrets.map((name) => [`${name}_FILE`, join(folder, name)]))
  t.strictSame(loadConfig({ ...id, ...files }), loadConfig({ ...id, ...textsOf(secrets) }))
  t.strictSame(loadConfig({ DATABASE_URL_FILE: '' }), loadConfig({}), 'an empty variable is an unset one')
  t.strictSame(loadConfig({ DATABASE_URL: '', DATABASE_URL_FILE: join(folder, 'DATABASE_URL') }).DATABASE_URL, VALUES.DATABASE_URL[0])
  t.equal(loadConfig({ DATABASE_URL_FILE: join(folder, 'DATABASE_URL') }, ['DATABASE_URL']).DATABASE_URL, VALUES.DATABASE_URL[0], 'a file is as good for what cannot be done without')
  t.strictSame(loadConfig({ PORT_FILE: join(folder, 'nothing') }), loadConfig({}), 'for secrets only')
})

t.test('a secret\'s file that cannot be read, is empty, or goes with the variable itself, is refused', async (t) => {
  const folder = t.testdir({ empty: '', newline: '\n', wrong: `${SECRET}\n`, 'a-folder': {} })
  const at = (name: string): string => join(folder, name)
  const env = {
    DATABASE_URL_FILE: at('missing'), REDIS_URL_FILE: at('empty'), SECRETS_KEY_FILE: at('wrong'), HTTP_PROXY_FILE: at('a-folder'), HTTPS_PROXY_FILE: at('newline'),
    INTUNE_CLIENT_SECRET: SECRET, INTUNE_CLIENT_SECRET_FILE: at('wrong')
  }
  try {
    loadConfig(env)
    t.fail('it was taken')
  } catch (error) {
    t.match((error as ConfigError).faults, [
      { variable: 'DATABASE_URL_FILE', message: /cannot be read \(ENOENT\): .*missing/ },
      { variable: 'REDIS_URL_FILE', message: /names an empty file/ },
      { variable: 'SECRETS_KEY', message: /must match/ },
      { variable: 'HTTPS_PROXY_FILE', message: /names an empty file/ },
      { variable: 'HTTP_PROXY_FILE', message: /cannot be read \(EISDIR\)/ },
      { variable: 'INTUNE_CLIENT_SECRET_FILE', message: /cannot go with INTUNE_CLIENT_SECRET/ }
    ])
    t.notMatch((error as Error).message, SECRET)
  }
})

t.test('what is put in the place of a setting is also put in the place of its file', async (t) => {
  t.strictSame(withSettings({ DATABASE_URL_FILE: '/a', DATABASE_URL: '', SECRETS_KEY_FILE: '/b', PORT: '1' }, { DATABASE_URL: 'postgres://x', PORT: '2' }),
    { DATABASE_URL: 'postgres://x', SECRETS_KEY_FILE: '/b', PORT: '2' })
})

t.test('settings of the sign-in that do not go together are named', async (t) => {
  const faultsOf = (env: Record<string, string>): string[] => {
    try {
      loadConfig(env)
      return []
    } catch (error) {
      return (error as ConfigError).faults.map(({ variable }) => variable)
    }
  }
  const [tenant, issuer] = ['0000000a-0000-0000-c000-00000000000d', 'https://idp.example']
  const entra = `https://login.microsoftonline.com/${tenant}/v2.0`
  const on = { OIDC_AUDIENCE: 'x' }
  const cases: Array<[env: Record<string, string>, faults: string[]]> = [
    [{ OIDC_ISSUER: issuer, OIDC_SCOPE: 'x' }, ['OIDC_ISSUER', 'OIDC_SCOPE']],
    [{ ...on, OIDC_PLATFORM_TENANTS: tenant }, []],
    [{ ...on, OIDC_ISSUER: entra, OIDC_ROLE_MAP: 'x=viewer' }, []],
    [{ ...on, OIDC_ISSUER: entra, OIDC_ALGORITHMS: 'ES256' }, ['OIDC_ALGORITHMS']],
    [{ ...on, OIDC_ALGORITHMS: 'ES256' }, ['OIDC_ALGORITHMS']],
    [{ ...on, OIDC_ISSUER: entra, OIDC_PLATFORM_TENANTS: tenant }, ['OIDC_PLATFORM_TENANTS']],
    [{ ...on, OIDC_ISSUER: 'https://login.microsoftonline.com/common/v2.0' }, ['OIDC_ISSUER']],
    [{ ...on, OIDC_ISSUER: 'https://login.microsoftonline.us/organizations/v2.0' }, ['OIDC_ISSUER']],
    [{ ...on, OIDC_ISSUER: issuer, OIDC_ROLE_MAP: `a=viewer@*,b=analyst@${tenant},c=platform-admin`, OIDC_ALGORITHMS: 'ES256,EdDSA' }, []],
    [{ ...on, OIDC_ISSUER: issuer, OIDC_ROLE_MAP: 'a=viewer,b=admin@*' }, ['OIDC_ROLE_MAP']],
    [{ ...on, OIDC_ISSUER: 'http://idp.example' }, ['OIDC_ISSUER']],
    ...['x', 'x=owner', '=viewer', ' =viewer', 'x=platform-admin@*', 'x=viewer@me', 'a=viewer,'].map((map): [Record<string, string>, string[]] => [{ ...on, OIDC_ROLE_MAP: map }, ['OIDC_ROLE_MAP']])
  ]
  for (const [env, faults] of cases) t.strictSame(faultsOf(env), faults, JSON.stringify(env))
})

/** Runs the compiled command to its end. */
async function run (args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: unknown, output: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [join(packageRoot, 'bin/sallyport.js'), ...args], { env: { PATH: process.env.PATH, ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code ?? error.signal, output: stdout + stderr })
    })
  })
}

t.test('a bad start names every wrong variable at once, tells no secret, leaves nothing, and exits 78', async (t) => {
  const dataDir = join(t.testdir({}), 'data')
  const env = {
    DATABASE_URL: `mysql://sallyport:${SECRET}@db/sallyport`,
    REDIS_URL: `http://:${SECRET}@cache`,
    PORT: '123456',
    GRAPH_BASE_URL: 'nowhere',
    INTUNE_CLIENT_ID: 'an-app',
    INTUNE_CLIENT_SECRET: SECRET,
    INTUNE_CLIENT_CERTIFICATE: 'app.pem'
  }
  const answers = await Promise.all([['up', '--json', '--data-dir', dataDir], ['api'], ['worker'], ['migrate']].map(async (args) => ({ args, ...await run(args, env) })))
  for (const { args, code, output } of answers) {
    t.equal(code, 78, String(args[0]))
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'PORT', 'GRAPH_BASE_URL', 'INTUNE_CLIENT_ID']) t.match(output, new RegExp(`^ *${name}: `, 'm'), `${args[0]} names ${name}`)
    t.notMatch(output, SECRET, `${args[0]} tells no secret`)
  }
  t.notOk(existsSync(dataDir), 'no data folder was made')
})

const commands = startCommands(t)
const runLoaded = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number, output: string }> => {
  const { code, out, errors } = await commands(args, { env })
  return { code, output: out + errors }
}

t.test('what a command cannot do without is asked for at once, too', async (t) => {
  for (const [command, names] of [['api', ['DATABASE_URL', 'INTUNE_CLIENT_ID', 'PORT']], ['worker', ['DATABASE_URL', 'INTUNE_CLIENT_ID', 'PORT']], ['migrate', ['DATABASE_URL', 'PORT']]] as const) {
    const { code, output } = await runLoaded([command], { PORT: 'x' })
    t.equal(code, 78, command)
    for (const name of names) t.match(output, new RegExp(`^ *${name}: `, 'm'), `${command} names ${name}`)
  }
  t.equal((await runLoaded(['up'], { LOG_LEVEL: 'loud' })).code, 78)
})

t.test('every command has help', async (t) => {
  for (const args of [['--help'], ['up', '--help'], ['simulate', 'intune', '--help']]) {
    const { code, output } = await runLoaded(args, {})
    t.equal(code, 0, args.join(' '))
    t.match(output, /Usage: sallyport/)
  }
})
