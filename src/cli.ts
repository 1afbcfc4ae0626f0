import { Command } from 'commander'
import { declareAccess } from './commands/declared/access.js'
import { declareCustomers } from './commands/declared/customers.js'
import { declareInstallation } from './commands/declared/installation.js'
import { declareIntel } from './commands/declared/intel.js'
import { declareKeys } from './commands/declared/keys.js'
import { declarePolicy } from './commands/declared/policy.js'
import { declareRecords } from './commands/declared/records.js'
import { declareSimulators } from './commands/declared/simulators.js'
import { showable } from './commands/say.js'
import { boundHeapGrowth } from './platform/heap.js'
import { VERSION } from './platform/version.js'

boundHeapGrowth()

/** All commands, for whoever wants to know what there is. */
export const program = new Command('sallyport')
  .description('Open, self-hosted Mobile Threat Defense backend that keeps Microsoft Intune in step')
  .version(VERSION)
  .showHelpAfterError()

// In the order in which `--help` lists them.
for (const declare of [
  declareInstallation, declareCustomers, declareAccess, declareKeys, declareIntel, declarePolicy, declareRecords, declareSimulators
]) declare(program)

/** Does what the command line says; a fault is told on standard error and ends the process. */
export async function runCommand (argv: readonly string[] = process.argv): Promise<void> {
  try {
    await program.parseAsync(argv)
  } catch (error) {
    process.stderr.write(showable(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`))
    if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    // A wrong configuration brings its own; to load config.ts for its class would slow down every `--help`.
    process.exit(error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number' ? error.exitCode : 1)
  }
}
