import type { Command } from 'commander'
import { wholeNumber } from './options.js'

/** Stand-ins for the outside world. */
export function declareSimulators (program: Command): void {
  const simulate = program.command('simulate').description('stand-ins for the outside world')
  simulate.command('intune')
    .description('run the Intune simulator')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port for plain HTTP', wholeNumber, 8081)
    .option('--https-port <n>', 'port for HTTPS; 0 takes any free one', wholeNumber, 0)
    .option('--name <host>', 'another host name that its certificate is for')
    .option('--ca-file <file>', 'where to write the certificate of its authority')
    .option('--tenant <guid>', 'Entra tenant that is there from the start, with the app of INTUNE_CLIENT_ID and INTUNE_CLIENT_SECRET')
    .action(async (options) => await (await import('../start-simulator.js')).runSimulator(options, process.env))

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
    .action(async (options) => await (await import('../simulate-fleet.js')).runSimulateFleet(options, process.env))
}
