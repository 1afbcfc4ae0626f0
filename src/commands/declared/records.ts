import type { Command } from 'commander'
import { DATA_DIR } from './options.js'

/** What is written down of operators, and what is kept of people. */
export function declareRecords (program: Command): void {
  const audit = program.command('audit').description('who did what, and whether that record is whole')
  audit.command('verify')
    .description('whether the audit is what was written: finds what was changed, removed, put in or put elsewhere; exits 1 then')
    .option('--head <file>', 'what `audit head` printed before: finds also what was cut off at the end since')
    .option('--tenant <id>', 'only this tenant\'s (default: all, and the platform\'s)')
    .addOption(DATA_DIR)
    .option('--json', 'print it as JSON')
    .action(async (options) => await (await import('../audit.js')).runVerifyAudit(options, process.env))
  audit.command('head')
    .description('the last entry of each chain, sealed under SECRETS_KEY; keep it where whoever can change the database cannot')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../audit.js')).runNoteAuditHeads(options, process.env))

  const privacy = program.command('privacy').description('what is kept of a phone or a person (docs/privacy.md)')
  for (const [name, description, run] of [
    ['export', 'everything that is kept, as JSON', 'runExportPersonalData'],
    ['erase', 'forget it; only the audit remains', 'runErasePersonalData']
  ] as const) {
    privacy.command(name)
      .description(description)
      .option('--device <id>', 'a phone: device id, or entra: and its Entra device id')
      .option('--user <id>', 'all phones of a user: the object id in Entra')
      .option('--tenant <id>', 'the tenant (default: the only one)')
      .addOption(DATA_DIR)
      .action(async (options) => await (await import('../privacy.js'))[run](options, process.env))
  }
}
