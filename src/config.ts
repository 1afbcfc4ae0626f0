import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import { Type, type Static, type TSchema } from 'typebox'
import { readRedisUrl } from './redis-url.js'

interface Setting<T extends TSchema> {
  readonly schema: T
  /** What the README's table says; written here once. */
  readonly description: string
  readonly default?: string
  /** Is told to nobody, and can be in a file that the variable of this name with `_FILE` names. */
  readonly secret?: boolean
}

const setting = <T extends TSchema>(schema: T, description: string, defaultValue?: string, secret = false): Setting<T> =>
  ({ schema, description, ...(defaultValue === undefined ? {} : { default: defaultValue }), secret })

const Text = Type.String({ minLength: 1 })
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const Url = Type.String({ pattern: '^https?://[^\\s]+$' })
const HttpsUrl = Type.String({ pattern: '^https://[^\\s]+$' })
const Positive = Type.Integer({ minimum: 1 })
/** A century and more is what PostgreSQL's times can be counted back by. */
const Days = Type.Integer({ minimum: 1, maximum: 36_500 })
/** Each: the base64 of 32 bytes. */
const SECRETS_KEY_PATTERN = '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(,[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)*$'
/** `name=value,name=value`, as OpenTelemetry writes headers and attributes. */
const PAIRS_PATTERN = '^[^=,\\s]+=[^,]*(,\\s*[^=,\\s]+=[^,]*)*$'
const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const CLIENT = `(${GUID}/)?${GUID}`
const ROLE_MAPPING = `[^,=]*[^,=\\s][^,=]*=\\s*(?:platform-admin|(?:viewer|analyst|admin)(?:@(?:\\*|${GUID}))?)\\s*`
const CLAIMS = '^[^\\s,]+(,[^\\s,]+)*$'
/** Signatures that a public key verifies. */
const TOKEN_ALGORITHM = '(RS|PS|ES)(256|384|512)|EdDSA'
/** Tokens for Graph and Intune are handed to many; whoever has one must not get in here with it (their ids: Microsoft's first-party apps). */
const FOREIGN_AUDIENCE = /^(?:https:\/\/(?:graph|api\.manage)[^/]*\.microsoft\.(?:com|us)\/*|00000003-0000-0000-c000-000000000000|c161e42e-d4df-4a3d-9b42-e7a3c31f59d4)$/i
const HEALTH_VALUE = '(activated|deactivated|secured|lowSeverity|mediumSeverity|highSeverity|unresponsive|misconfigured)=[^,=\\s]+'

/** Every environment variable Sallyport reads. The README's table is checked against this list. */
export const SETTINGS = {
  DATABASE_URL: setting(Type.String({ pattern: '^postgres(ql)?://' }), 'PostgreSQL to use. Unset: Sallyport starts its own.', undefined, true),
  DATABASE_POOLER_URL: setting(Type.String({ pattern: '^postgres(ql)?://[^\\s]*\\{role\\}' }), 'A pooler in front of that PostgreSQL, such as PgBouncer in transaction mode, for the standing connections of API and worker processes: `postgres://user:password@host:6432/{role}`, where `{role}` becomes the name of each database role; [how it is set up](docs/operations.md#behind-pgbouncer). Unset: they go to DATABASE_URL, as everything else does.', undefined, true),
  DATABASE_ROLE_PREFIX: setting(Type.String({ pattern: '^[a-z][a-z0-9_]{0,40}$' }), 'First part of the names of the database roles that Sallyport works in. Roles belong to the server: installations on one server need one each.', 'sallyport'),
  REDIS_URL: setting(Text, 'Redis or Valkey for the queues and for rate limits: `redis://[user:password@]host[:port][/database]`, `redis+sentinel://[user:password@]host,host/master` or `redis+cluster://[user:password@]host,host`; `rediss…` with TLS; [all forms](docs/redis.md). Unset: both live in PostgreSQL.', undefined, true),
  REDIS_PREFIX: setting(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,40}$' }), 'First part of the names of all keys in Redis: installations on one Redis need one each.', 'sallyport'),
  HOST: setting(Text, 'Address the API listens on.', '127.0.0.1'),
  PORT: setting(Port, 'Port of the API; 0 takes any free one.', '8080'),
  OPS_HOST: setting(Text, 'Address of the operations port. Keep it on loopback or inside the cluster.', '127.0.0.1'),
  OPS_PORT: setting(Port, 'Port for health, metrics and queues; 0 takes any free one.', '9090'),
  STOP_DELAY_SECONDS: setting(Type.Integer({ minimum: 0, maximum: 300 }), 'How long the API goes on answering after it was asked to stop, while `/readyz` says 503 and each answer closes its connection: as long as your load balancer needs to notice. `sallyport up` does not wait unless it is set.', '1'),
  TRUST_PROXY: setting(Text, 'Comma-separated addresses or networks (`10.0.0.0/8`, `loopback`) of the proxies in front of the API, whose `X-Forwarded-For` names the caller for rate limits. Unset: nobody is believed.'),
  PUBLIC_URL: setting(Url, 'How phones reach the API; the audience of their assertions. Unset: the address listened on.'),
  LOG_LEVEL: setting(Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'How much is logged, as JSON lines on standard error.', 'info'),
  ACCESS_TOKEN_SECONDS: setting(Type.Integer({ minimum: 60, maximum: 86_400 }), 'Lifetime of an agent\'s access token.', '3600'),
  SIGNING_KEY_DAYS: setting(Positive, 'Days after which a new key signs access tokens; the old one goes on verifying what it signed.', '30'),
  RATE_LIMIT_DEVICE: setting(Positive, 'Requests a minute of one phone; like all limits counted over all API processes.', '1200'),
  RATE_LIMIT_DEVICE_MB: setting(Type.Integer({ minimum: 8, maximum: 1_000_000 }), 'Megabytes of reports, unpacked, that one phone may send in an hour, counted by each API process for itself.', '64'),
  RATE_LIMIT_TENANT: setting(Positive, 'Requests a minute of all phones of a tenant together.', '600000'),
  RATE_LIMIT_ADDRESS: setting(Positive, 'Enrolments and access tokens a minute for one address (IPv6: one /64).', '6000'),
  RATE_LIMIT_FAILURES: setting(Positive, 'Requests a minute of one address with keys or tokens that do not count.', '600'),
  RATE_LIMIT_API_KEY: setting(Positive, 'Requests a minute with one operator\'s key, or of one who signed in.', '1200'),
  RATE_LIMIT_PARTNER: setting(Positive, 'Requests a minute of one relying party\'s app in one tenant.', '600'),
  JOURNAL_MAX_WAITING: setting(Positive, 'Reports held in memory for the next commit; beyond them the API answers 503.', '5000'),
  TAKE_OVER_SECONDS: setting(Type.Integer({ minimum: 2, maximum: 300 }), 'How long a process may be silent about what it has in hand (jobs, messages to Intune, tasks of upkeep) before others take it up; the same for all processes. Longer where processes stand still for seconds, or what they have in hand is done twice.', '15'),
  SCORE_CONCURRENCY: setting(Positive, 'Score jobs a worker process has in hand at once.', '2'),
  SYNC_CONCURRENCY: setting(Positive, 'Messages that a worker process has under way to Intune at once, of all tenants.', '16'),
  REPORT_RETENTION_DAYS: setting(Days, 'Days the journal keeps a raw report, and one that was set aside after that; a report that waits to be scored stays.', '30'),
  STATE_CHANGE_RETENTION_DAYS: setting(Days, 'Days the feed of changes of phones\' states goes back; who was away for longer starts anew with a snapshot.', '7'),
  HISTORY_RETENTION_DAYS: setting(Days, 'Days that it is known how phones were judged: changes of levels, findings that are over, how findings read before, suppressions that have ended. What holds now stays.', '365'),
  RETIRED_DEVICE_RETENTION_DAYS: setting(Days, 'Days after which a phone that was retired (it enrolled under another id, or is gone from Intune) is erased. One that was revoked stays until somebody erases it.', '365'),
  CREDENTIAL_RETENTION_DAYS: setting(Days, 'Days that API keys, enrolment tokens, grants and links for consent are still listed after they ended.', '365'),
  PRIVACY_MODE: setting(Type.Boolean(), '`true`: raw reports are kept until they are scored, and addresses of pages, names of networks and apps no longer than a finding needs them.', 'false'),
  SECRETS_KEY: setting(Type.String({ pattern: SECRETS_KEY_PATTERN }), '32 random bytes in base64 (`openssl rand -base64 32`) that encrypt the passwords and tokens of subscriptions, and the secrets and signing keys of signals. Several, separated by commas: the first encrypts, all decrypt. Unset: no subscription can have a password or token, and there are no webhooks and no streams; `sallyport up` with its own PostgreSQL keeps a key in the data folder.', undefined, true),
  INTEL_ALLOW_PRIVATE_HOSTS: setting(Text, 'Comma-separated hosts inside your network that subscriptions may fetch from; a leading dot means any host below. Unset: only public addresses.'),
  SIGNALS_ALLOW_PRIVATE_HOSTS: setting(Text, 'Comma-separated hosts inside your network that webhooks, streams and SIEM exports may be sent to, also without TLS; a leading dot means any host below. Unset: only public addresses, with TLS.'),
  HTTPS_PROXY: setting(Url, 'Proxy through which subscriptions fetch from `https:` addresses, `http://name:password@host:port` if need be; not for hosts that INTEL_ALLOW_PRIVATE_HOSTS names. In small letters as well, like the next two.', undefined, true),
  HTTP_PROXY: setting(Url, 'The same for `http:` addresses.', undefined, true),
  NO_PROXY: setting(Text, 'Comma-separated hosts (with all below), addresses and networks that subscriptions reach without a proxy.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(Url, 'Where an OpenTelemetry collector takes traces by OTLP over HTTP, such as `http://localhost:4318`; `/v1/traces` is added. Unset, like the next one: nothing is traced.'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting(Url, 'The same as a whole address.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: setting(Type.Enum(['http/protobuf', 'http/json']), 'How spans are written. gRPC is not spoken.', 'http/protobuf'),
  OTEL_EXPORTER_OTLP_HEADERS: setting(Type.String({ pattern: PAIRS_PATTERN }), 'Headers for the collector: `name=value,name=value`, percent-encoded where need be.', undefined, true),
  OTEL_EXPORTER_OTLP_COMPRESSION: setting(Type.Enum(['gzip', 'none']), 'How spans are packed.', 'none'),
  OTEL_EXPORTER_OTLP_TIMEOUT: setting(Positive, 'Milliseconds that the collector may take to answer.', '10000'),
  OTEL_TRACES_SAMPLER: setting(Type.Enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio']), 'Which requests are traced. With `parentbased_…` a caller that sends `traceparent` decides for itself; on the internet take `traceidratio`.', 'parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: setting(Type.Number({ minimum: 0, maximum: 1 }), 'Share of them, 0 to 1, for the samplers with a ratio.', '1'),
  OTEL_BSP_SCHEDULE_DELAY: setting(Positive, 'Milliseconds between two batches of spans.', '5000'),
  OTEL_BSP_MAX_QUEUE_SIZE: setting(Positive, 'Spans held for the collector; beyond them spans are dropped.', '2048'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: setting(Positive, 'Spans in a batch.', '512'),
  OTEL_SERVICE_NAME: setting(Text, 'What traces call this installation.', 'sallyport'),
  OTEL_RESOURCE_ATTRIBUTES: setting(Type.String({ pattern: PAIRS_PATTERN }), 'What else traces say of it: `deployment.environment.name=test,…`.'),
  OTEL_SDK_DISABLED: setting(Type.Boolean(), '`true`: nothing is traced, whatever else is set.', 'false'),
  ENTRA_AUTHORITY_HOST: setting(HttpsUrl, 'Where tokens for Microsoft services come from.', 'https://login.microsoftonline.com'),
  GRAPH_BASE_URL: setting(HttpsUrl, 'Microsoft Graph.', 'https://graph.microsoft.com'),
  INTUNE_RESOURCE: setting(Url, 'Resource identifier of the Intune API; its trailing slash belongs to it.', 'https://api.manage.microsoft.com/'),
  INTUNE_ENDPOINT_HOSTS: setting(Text, 'Comma-separated hosts that discovered Intune services may have; a leading dot means any host below.', '.manage.microsoft.com,.manage.microsoft.us'),
  INTUNE_CLIENT_ID: setting(Text, 'Application id of your multi-tenant Entra app. Unset: the bundled Intune simulator is used.'),
  INTUNE_CLIENT_SECRET: setting(Text, 'Secret of that app.', undefined, true),
  INTUNE_CLIENT_CERTIFICATE: setting(Text, 'Or the path of a PEM file with its certificate and private key.'),
  INTUNE_FEDERATED_TOKEN_FILE: setting(Text, 'Or the path of a file with a token that the app trusts (federated credential), such as a projected Kubernetes service account token; read again for every sign-in.'),
  INTUNE_SETUP_CLIENT_ID: setting(Text, 'Application id of a second Entra app that sets Intune up (apps, app configurations, compliance policies, toggles) and needs larger permissions. Unset: the first app does it.'),
  INTUNE_SETUP_CLIENT_SECRET: setting(Text, 'Secret of the second app.', undefined, true),
  INTUNE_SETUP_CLIENT_CERTIFICATE: setting(Text, 'Or the path of a PEM file with its certificate and private key.'),
  INTUNE_SETUP_FEDERATED_TOKEN_FILE: setting(Text, 'Or the path of a file with a token that the second app trusts.'),
  INTUNE_CONNECTOR_ID: setting(Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }), 'Id of our Mobile Threat Defense connector in Intune. Microsoft gives every partner one, the same in all tenants; this default is made up.', '5a11ab0e-0000-4000-8000-00000000c0de'),
  INTUNE_CA_FILE: setting(Text, 'PEM file with an extra certificate authority to trust when calling Entra, Graph and Intune.'),
  INTUNE_HEARTBEAT_MINUTES: setting(Positive, 'How often each tenant\'s connector sends its heartbeat.', '60'),
  PARTNER_API_AUDIENCE: setting(Type.String({ pattern: '^[^\\s,]+(,[^\\s,]+)*$' }), 'Whom tokens of relying parties must be meant for: the client id of the Entra app that stands for this API, or its App ID URI where it asks for version 1 tokens; several separated by commas. Unset: there is no partner state API; `sallyport up` with its simulator has one.'),
  PARTNER_API_CLIENTS: setting(Type.String({ pattern: `^${CLIENT}(,${CLIENT})*$` }), 'Comma-separated client ids of apps that may call the partner state API; `<Entra tenant id>/<client id>` means that tenant\'s alone. Unset: every app to which an administrator gave the role.'),
  OIDC_AUDIENCE: setting(Type.String({ pattern: '^[^\\s,]+(,[^\\s,]+)*$' }), 'Whom operators\' tokens must be meant for: the client id of the Entra app that stands for this API, or what your provider calls it; several separated by commas. Unset: operators come with API keys only.'),
  OIDC_ISSUER: setting(HttpsUrl, 'The one provider that operators sign in with, as its tokens name it (`iss`). Unset: Entra, `<ENTRA_AUTHORITY_HOST>/<Entra tenant id>/v2.0`, of every tenant that is known here.'),
  OIDC_PLATFORM_TENANTS: setting(Type.String({ pattern: `^${GUID}(,${GUID})*$` }), 'Comma-separated Entra tenant ids of those who run this installation. Only their tokens can say `platform-admin` or give a role in all or other tenants.'),
  OIDC_ROLE_MAP: setting(Type.String({ pattern: `^${ROLE_MAPPING}(,${ROLE_MAPPING})*$` }), 'What roles and groups of tokens mean: `Mtd.Analyst=analyst` (in the customer\'s own tenant), `8b1…=viewer@*` (in all), `soc=analyst@<tenant id>`, `root=platform-admin`; separated by commas. Unset: `viewer`, `analyst`, `admin` and `platform-admin` mean themselves.'),
  OIDC_ROLES_CLAIM: setting(Type.String({ pattern: CLAIMS }), 'Claims that hold roles, separated by commas; a dot leads into an object (`realm_access.roles`).', 'roles'),
  OIDC_GROUPS_CLAIM: setting(Type.String({ pattern: CLAIMS }), 'Claims that hold groups; grants can name those too.', 'groups'),
  OIDC_SCOPE: setting(Type.String({ pattern: '^[\\x21-\\x7e]+$' }), 'Scope that tokens of people must have. Unset: `access_as_user` with Entra, none with another provider.'),
  OIDC_CLIENTS: setting(Type.String({ pattern: CLAIMS }), 'Comma-separated client ids of apps whose users may come. Unset: any that your provider gave a token for this API.'),
  OIDC_ALGORITHMS: setting(Type.String({ pattern: `^(?:${TOKEN_ALGORITHM})(?:,(?:${TOKEN_ALGORITHM}))*$` }), 'Algorithms of signatures, with another provider; Entra\'s is RS256 alone.', 'RS256'),
  OIDC_CA_FILE: setting(Text, 'PEM file with an extra certificate authority to trust when asking the provider for its keys. Unset: INTUNE_CA_FILE.'),
  INTUNE_RECONCILE_MINUTES: setting(Positive, 'How often each tenant\'s phones are compared with what Intune and Entra know; everything once an hour, else what changed.', '15'),
  INTUNE_UNRESPONSIVE_DAYS: setting(Positive, 'Days without a heartbeat after which Intune ignores us, as set in its connector, for tenants where Sallyport has not read it. It raises an alarm at half of that.', '1'),
  INTUNE_WRITE_LIMIT: setting(Type.Integer({ minimum: 0 }), 'Writing calls to Intune\'s partner services in 20 s for one tenant, over all workers. The partner services\' own limits are not public; this is what Microsoft publishes for its nearest resources. 0: no limit.', '100'),
  INTUNE_CALL_LIMIT: setting(Type.Integer({ minimum: 0 }), 'The same for calls of any kind.', '1000'),
  INTUNE_DEAD_AFTER_REFUSALS: setting(Positive, 'A phone\'s state that Intune refused so often becomes a dead letter: it waits for a new state or an operator.', '50'),
  INTUNE_DEAD_AFTER_HOURS: setting(Positive, 'The same after so many hours of refusals.', '48'),
  PARTNER_WIRE_ENTITY_TYPE: setting(Type.Integer({ minimum: 0 }), 'EntityType of a threat message. Microsoft tells it to partners only; unverified.', '5'),
  PARTNER_WIRE_HEALTH_FIELD: setting(Text, 'Name of the field that carries the threat state; unverified.', 'HealthState'),
  PARTNER_WIRE_HEALTH_VALUES: setting(Type.String({ pattern: `^${HEALTH_VALUE}(,${HEALTH_VALUE})*$` }), 'How threat states are spelled where Graph\'s names do not do: `secured=0,highSeverity=3`; digits are sent as numbers; unverified.'),
  PARTNER_WIRE_APP_SYNC_REQUEST_TYPE: setting(Type.Integer({ minimum: 0 }), 'EntityType of a question for a phone\'s apps (iOS App Sync); unverified.', '6'),
  PARTNER_WIRE_APP_SYNC_ANSWER_TYPE: setting(Type.Integer({ minimum: 0 }), 'EntityType of its answer; unverified.', '7'),
  PARTNER_WIRE_APP_SYNC_APPS_FIELD: setting(Text, 'Name of the field of an answer that holds the apps; unverified.', 'Apps'),
  PARTNER_WIRE_DEVICE_API_VERSION: setting(Text, 'api-version of the device service.', '1.2'),
  PARTNER_WIRE_TENANT_API_VERSION: setting(Text, 'api-version of the tenant service.', '1.6')
} as const

type Settings = typeof SETTINGS
type OptionalKey = 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_RESOURCE_ATTRIBUTES' | 'DATABASE_URL' | 'SECRETS_KEY' | 'INTEL_ALLOW_PRIVATE_HOSTS' | 'SIGNALS_ALLOW_PRIVATE_HOSTS' | 'HTTPS_PROXY' | 'HTTP_PROXY' | 'NO_PROXY' | 'TRUST_PROXY' | 'REDIS_URL' | 'PUBLIC_URL' | 'INTUNE_CLIENT_ID' | 'INTUNE_CLIENT_SECRET' | 'INTUNE_CLIENT_CERTIFICATE' | 'INTUNE_FEDERATED_TOKEN_FILE' | 'INTUNE_SETUP_CLIENT_ID' | 'INTUNE_SETUP_CLIENT_SECRET' | 'INTUNE_SETUP_CLIENT_CERTIFICATE' | 'INTUNE_SETUP_FEDERATED_TOKEN_FILE' | 'INTUNE_CA_FILE' | 'PARTNER_API_AUDIENCE' | 'PARTNER_API_CLIENTS' | 'PARTNER_WIRE_HEALTH_VALUES' | 'OIDC_AUDIENCE' | 'OIDC_ISSUER' | 'OIDC_PLATFORM_TENANTS' | 'OIDC_ROLE_MAP' | 'OIDC_SCOPE' | 'OIDC_CLIENTS' | 'OIDC_CA_FILE'

export type Config = {
  readonly [K in keyof Settings]: Static<Settings[K]['schema']> | (K extends OptionalKey ? undefined : never)
}

/** Variables and their values, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Other programs read these in either case, and people write them in either. */
const IN_SMALL_LETTERS: ReadonlySet<string> = new Set(['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'])

/** A configuration with faults; the message names every wrong variable (exit 78, EX_CONFIG of sysexits.h). */
export class ConfigError extends Error {
  readonly exitCode = 78

  constructor (readonly faults: ReadonlyArray<{ readonly variable: string, readonly message: string }>) {
    super(`Wrong configuration:\n${faults.map(({ variable, message }) => `  ${variable}: ${message}`).join('\n')}`)
  }
}

/** Entra apps, and the ways each can prove itself: exactly one must be given. */
const ENTRA_APPS = [
  { id: 'INTUNE_CLIENT_ID', proofs: ['INTUNE_CLIENT_SECRET', 'INTUNE_CLIENT_CERTIFICATE', 'INTUNE_FEDERATED_TOKEN_FILE'] },
  { id: 'INTUNE_SETUP_CLIENT_ID', proofs: ['INTUNE_SETUP_CLIENT_SECRET', 'INTUNE_SETUP_CLIENT_CERTIFICATE', 'INTUNE_SETUP_FEDERATED_TOKEN_FILE'] }
] as const

/** Compiles each schema once, however often the configuration is read. */
const ajv = new Ajv({ strict: false })

/**
 * Environment → frozen configuration.
 * @param needs variables that this command cannot do without, be it from a file
 * @throws ConfigError naming every wrong variable at once
 */
export function loadConfig (env: Environment, needs: readonly OptionalKey[] = []): Config {
  const faults: Array<{ variable: string, message: string }> = []
  const config: Record<string, unknown> = {}

  for (const [variable, { schema, default: fallback, secret }] of Object.entries(SETTINGS) as Array<[string, Setting<TSchema>]>) {
    const set = env[variable] ?? (IN_SMALL_LETTERS.has(variable) ? env[variable.toLowerCase()] : undefined)
    // An empty variable is an unset one: compose files and shells cannot unset.
    const own = set === '' ? undefined : set
    const file = secret === true ? readSecretFile(env, variable, own !== undefined) : undefined
    if (file?.fault !== undefined) {
      faults.push({ variable: `${variable}_FILE`, message: file.fault })
      continue
    }
    const text = own ?? file?.text ?? fallback
    if (text === undefined) {
      if ((needs as readonly string[]).includes(variable)) faults.push({ variable, message: 'must be set; only `sallyport up` does without' })
      continue
    }
    const value = parse(schema, text)
    if (ajv.validate(schema, value)) {
      config[variable] = value
    } else {
      const problem = describe(ajv.errors?.[0])
      faults.push({ variable, message: secret === true ? problem : `${problem} (is ${JSON.stringify(text)})` })
    }
  }
  for (const app of ENTRA_APPS) {
    const given = app.proofs.filter((proof) => config[proof] !== undefined)
    if (config[app.id] !== undefined && given.length !== 1) {
      faults.push({ variable: app.id, message: `needs exactly one of ${app.proofs.join(', ')}${given.length === 0 ? '' : `, and has ${given.join(' and ')}`}` })
    }
  }
  // The first app's way to prove itself is left alone without it: `sallyport up` then brings its own.
  if (config.INTUNE_SETUP_CLIENT_ID === undefined) {
    for (const proof of ENTRA_APPS[1].proofs) if (config[proof] !== undefined) faults.push({ variable: proof, message: 'is of use only with INTUNE_SETUP_CLIENT_ID' })
  }
  if (typeof config.REDIS_URL === 'string') for (const message of readRedisUrl(config.REDIS_URL).faults) faults.push({ variable: 'REDIS_URL', message })
  for (const variable of ['PARTNER_API_AUDIENCE', 'OIDC_AUDIENCE']) {
    const foreign = String(config[variable] ?? '').split(',').filter((audience) => FOREIGN_AUDIENCE.test(audience))
    if (foreign.length > 0) faults.push({ variable, message: `must be your own API, not Microsoft's: ${foreign.join(', ')}` })
  }
  faults.push(...signInFaults(config as Partial<Config>))
  if (Number(config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE) > Number(config.OTEL_BSP_MAX_QUEUE_SIZE)) faults.push({ variable: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', message: 'must not be more than OTEL_BSP_MAX_QUEUE_SIZE' })
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config) as Config
}

/** What stands in the file that `<variable>_FILE` names, without the newline that editors put at its end; undefined when it names none. */
function readSecretFile (env: Environment, variable: string, isSet: boolean): { readonly text: string, readonly fault?: never } | { readonly fault: string, readonly text?: never } | undefined {
  const file = env[`${variable}_FILE`] ?? ''
  if (file === '') return undefined
  if (isSet) return { fault: `cannot go with ${variable}: one of them must be unset` }
  let text: string
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    return { fault: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}): ${file}` }
  }
  return text === '' ? { fault: `names an empty file: ${file}` } : { text }
}

/** An environment with these settings in place of its own, also of those that it has in files. */
export function withSettings (env: Environment, settings: Environment): Environment {
  const files = new Set(Object.keys(settings).map((variable) => `${variable}_FILE`).filter((variable) => !(variable in SETTINGS)))
  return { ...Object.fromEntries(Object.entries(env).filter(([variable]) => !files.has(variable))), ...settings }
}

/** Settings of the operators' sign-in that do not go together. */
function signInFaults (config: Partial<Config>): Array<{ variable: string, message: string }> {
  const { OIDC_AUDIENCE, OIDC_ISSUER, OIDC_ROLE_MAP, OIDC_ALGORITHMS } = config
  const faults: Array<{ variable: string, message: string }> = []
  if (OIDC_AUDIENCE === undefined) {
    const idle = ['OIDC_ISSUER', 'OIDC_PLATFORM_TENANTS', 'OIDC_ROLE_MAP', 'OIDC_SCOPE', 'OIDC_CLIENTS', 'OIDC_CA_FILE'] as const
    for (const variable of idle) if (config[variable] !== undefined) faults.push({ variable, message: 'is of use only with OIDC_AUDIENCE' })
    return faults
  }
  const isEntra = OIDC_ISSUER === undefined || entraTenantOf(config.ENTRA_AUTHORITY_HOST ?? '', OIDC_ISSUER) !== undefined
  if (isEntra && OIDC_ALGORITHMS !== undefined && OIDC_ALGORITHMS !== 'RS256') faults.push({ variable: 'OIDC_ALGORITHMS', message: 'must be RS256 with Entra' })
  if (OIDC_ISSUER === undefined) return faults
  if (/^https:\/\/[^/]+\/(?:common|organizations|consumers)\/v2\.0\/?$/.test(OIDC_ISSUER)) {
    faults.push({ variable: 'OIDC_ISSUER', message: 'must be unset for Entra of many tenants, or name one tenant by its id' })
  }
  if (config.OIDC_PLATFORM_TENANTS !== undefined) faults.push({ variable: 'OIDC_PLATFORM_TENANTS', message: 'is of no use with OIDC_ISSUER, which is that of those who run this installation' })
  const placeless = isEntra ? [] : (OIDC_ROLE_MAP ?? '').split(',').filter((entry) => /=\s*(?:viewer|analyst|admin)\s*$/.test(entry))
  if (placeless.length > 0) faults.push({ variable: 'OIDC_ROLE_MAP', message: `must say where, with @* or @<tenant id>, since tokens of this provider are of no tenant: ${placeless.join(', ')}` })
  return faults
}

/** The Entra tenant whose tokens an issuer stands for; undefined: it is another provider. */
export function entraTenantOf (authorityHost: string, issuer: string): string | undefined {
  if (!URL.canParse(authorityHost)) return undefined
  const { origin } = new URL(authorityHost)
  return issuer.startsWith(`${origin}/`) ? new RegExp(`^/(${GUID})/v2\\.0$`).exec(issuer.slice(origin.length))?.[1] : undefined
}

/** Text that is not of the kind stays text, for the schema to refuse. */
function parse (schema: TSchema, text: string): unknown {
  const type = 'type' in schema ? schema.type : undefined
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'number' && /^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  return type === 'boolean' && /^(?:true|false)$/.test(text) ? text === 'true' : text
}

function describe (error: ErrorObject | undefined): string {
  const choices: unknown = error?.params?.allowedValues
  return Array.isArray(choices) ? `must be one of ${choices.join(', ')}` : error?.message ?? 'is not valid'
}
