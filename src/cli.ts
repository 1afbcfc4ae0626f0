import { Command, InvalidArgumentError } from 'commander'
import { ConfigError } from './config.js'
import { boundHeapGrowth } from './platform/heap.js'

/** sysexits.h: the configuration is wrong. */
const EX_CONFIG = 78

function wholeNumber (text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a whole number, 0 or more')
  return number
}

boundHeapGrowth()

const program = new Command('sallyport')
  .description('Open, self-hosted Mobile Threat Defense backend that keeps Microsoft Intune in step')
  .showHelpAfterError()

program.command('up')
  .description('start everything: PostgreSQL, API, workers and, without Intune credentials, the Intune simulator')
  .option('--port <n>', 'port of the API; 0 takes any free one', wholeNumber)
  .option('--ops-port <n>', 'port for health, metrics and queues; 0 takes any free one', wholeNumber)
  .option('--simulator-port <n>', 'port of the Intune simulator; 0 takes any free one', wholeNumber)
  .option('--data-dir <dir>', 'where everything is kept (default: data)')
  .option('--ephemeral', 'use a throw-away data folder')
  .option('--workers <n>', 'worker processes; 0 runs the workers in the API\'s process (default: 0)', wholeNumber)
  .option('--json', 'print one line of JSON once all is ready')
  .action(async (options) => await (await import('./commands/run-up.js')).runUp(options, process.env))

program.command('demo')
  .description('play the demo scenarios on a throw-away installation')
  .option('--json', 'print one object with every step and its timings')
  .action(async (options) => await (await import('./commands/demo/run-demo.js')).runDemo(options, process.env))

program.command('api')
  .description('run the API')
  .action(async () => await (await import('./commands/run-api.js')).runApi(process.env))

program.command('worker')
  .description('run the workers of all queues, or of those named')
  .option('--queue <name...>', 'only these queues: score, sync, upkeep')
  .action(async (options) => await (await import('./commands/run-worker.js')).runWorker(options, process.env))

program.command('migrate')
  .description('bring the database to this version\'s schema')
  .action(async () => await (await import('./commands/administer.js')).runMigrate(process.env))

const tenant = program.command('tenant').description('customers')
tenant.command('create')
  .description('add a customer')
  .requiredOption('--name <name>', 'what people call it')
  .requiredOption('--entra-tenant-id <guid>', 'its Entra tenant')
  .action(async (options) => await (await import('./commands/administer.js')).runCreateTenant(options, process.env))
tenant.command('list')
  .description('all customers')
  .action(async () => await (await import('./commands/administer.js')).runListTenants(process.env))

program.command('enrollment-token').description('what lets agents enrol')
  .command('create')
  .description('make a token; it is shown once')
  .requiredOption('--tenant <id>', 'the tenant the phones belong to')
  .option('--label <text>', 'what it is for', 'made on the command line')
  .option('--platform <name>', 'android, ios or ipados only')
  .option('--max-uses <n>', 'how many phones may use it', wholeNumber)
  .option('--days <n>', 'days until it expires', wholeNumber, 90)
  .action(async (options) => await (await import('./commands/administer.js')).runCreateEnrollmentToken(options, process.env))

const apiKey = program.command('api-key').description('what lets operators and scripts in')
apiKey.command('list')
  .description('all keys, without what is secret')
  .action(async () => await (await import('./commands/administer.js')).runListApiKeys(process.env))
apiKey.command('revoke')
  .description('end a key; every process turns it away within five seconds')
  .argument('<id>', 'the key\'s id')
  .action(async (id: string) => await (await import('./commands/administer.js')).runRevokeApiKey(id, process.env))
apiKey.command('create')
  .description('make a key; it is shown once')
  .requiredOption('--role <role>', 'viewer, analyst, admin or platform-admin')
  .option('--tenant <id>', 'the tenant it is for; none for platform-admin')
  .option('--name <text>', 'whose it is', 'made on the command line')
  .option('--days <n>', 'days until it expires', wholeNumber, 365)
  .action(async (options) => await (await import('./commands/administer.js')).runCreateApiKey(options, process.env))

const signingKey = program.command('signing-key').description('what access tokens of phones are signed with')
signingKey.command('list')
  .description('all keys, without their secrets')
  .action(async () => await (await import('./commands/administer.js')).runListSigningKeys(process.env))
signingKey.command('rotate')
  .description('sign with a new key from now on; tokens signed before go on counting')
  .action(async () => await (await import('./commands/administer.js')).runRotateSigningKey(process.env))
signingKey.command('retire')
  .description('end a key no token needs any more')
  .argument('<id>', 'the key\'s id')
  .option('--now', 'also while tokens signed with it count, because it has leaked: they end within five seconds, and phones fetch new ones')
  .action(async (id: string, options) => await (await import('./commands/administer.js')).runRetireSigningKey(id, options, process.env))

program.command('intel').description('threat intelligence')
  .command('import')
  .description('import feeds; each file becomes the feed of its name')
  .argument('<file...>', 'files to import')
  .option('--feed <name>', 'name of the feed, for a single file')
  .option('--format <format>', 'auto, stalkerware, stix or starter', 'auto')
  .option('--data-dir <dir>', 'data folder of the embedded installation to import into')
  .option('--json', 'print the answers as JSON')
  .action(async (files, options) => await (await import('./commands/import-intel.js')).runImportIntel(files, options, process.env))

const simulate = program.command('simulate').description('stand-ins for the outside world')
simulate.command('intune')
  .description('run the Intune simulator')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <n>', 'port for plain HTTP', wholeNumber, 8081)
  .option('--https-port <n>', 'port for HTTPS; 0 takes any free one', wholeNumber, 0)
  .option('--name <host>', 'another host name that its certificate is for')
  .option('--ca-file <file>', 'where to write the certificate of its authority')
  .option('--tenant <guid>', 'Entra tenant that is there from the start, with the app of INTUNE_CLIENT_ID and INTUNE_CLIENT_SECRET')
  .action(async (options) => await (await import('./commands/start-simulator.js')).runSimulator(options, process.env))

simulate.command('fleet')
  .description('made-up phones: let them enrol and report at a running Sallyport, or write them into its database')
  .option('--api <url>', 'where the API is')
  .option('--enrollment-token <token>', 'what lets the phones in')
  .option('--phones <n>', 'how many (default: 100)', wholeNumber)
  .option('--rate <n>', 'reports a second, on average over the run (default: 10)', Number)
  .option('--seconds <n>', 'how long reports become due (default: 60)', Number)
  .option('--seed <n>', 'the same number makes the same phones (default: any)', wholeNumber)
  .option('--speed <n>', 'how many times as fast as ours the phones\' day passes (default: 1)', Number)
  .option('--ledger <file>', 'append a line of JSON for each acknowledged report')
  .option('--drain-seconds <n>', 'how long phones may go on afterwards until all is acknowledged (default: 60)', Number)
  .option('--seed-database <n>', 'instead, write this many straight into the database, judged and acknowledged', wholeNumber)
  .option('--tenant <id>', 'with --seed-database: the tenant they belong to (default: one of their own)')
  .option('--data-dir <dir>', 'with --seed-database: data folder of the embedded installation, without DATABASE_URL (default: data)')
  .option('--json', 'print the answer as JSON')
  .action(async (options) => await (await import('./commands/simulate-fleet.js')).runSimulateFleet(options, process.env))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`)
  if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exit(error instanceof ConfigError ? EX_CONFIG : 1)
}
