import type { Command } from 'commander'
import { DATA_DIR } from './options.js'

/** What is signed and sealed with. */
export function declareKeys (program: Command): void {
  const signingKey = program.command('signing-key').description('what access tokens of phones are signed with')
  signingKey.command('list')
    .description('all keys, without their secrets')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../administer.js')).runListSigningKeys(options, process.env))
  signingKey.command('rotate')
    .description('sign with a new key from now on; tokens signed before go on counting')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../administer.js')).runRotateSigningKey(options, process.env))
  signingKey.command('retire')
    .description('end a key no token needs any more')
    .argument('<id>', 'the key\'s id')
    .option('--now', 'also while tokens signed with it count, because it has leaked: they end within five seconds, and phones fetch new ones')
    .addOption(DATA_DIR)
    .action(async (id: string, options) => await (await import('../administer.js')).runRetireSigningKey(id, options, process.env))

  const setKey = program.command('set-key').description('what security event tokens for receivers of shared signals are signed with')
  setKey.command('list')
    .description('all keys, without what is secret')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../set-keys.js')).runListSetKeys(options, process.env))
  setKey.command('rotate')
    .description('publish a new key now, and sign with it from tomorrow on')
    .option('--now', 'sign with it at once, because the old one has leaked')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../set-keys.js')).runRotateSetKey(options, process.env))

  const secrets = program.command('secrets').description('passwords, tokens and keys that the database keeps sealed under SECRETS_KEY')
  secrets.command('rotate')
    .description('seal everything under the first key of SECRETS_KEY, so that the others can go; interrupted, it is run again')
    .option('--check', 'change nothing; say how many are under it, and whether each can be opened; exits 1 when one cannot')
    .addOption(DATA_DIR)
    .action(async (options) => await (await import('../secrets.js')).runRotateSecrets(options, process.env))
}
