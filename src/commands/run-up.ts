import pc from 'picocolors'
import { loadConfig } from '../config.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { runUntilStopped } from './run-until-stopped.js'
import { type ReadyLine, type UpOptions, up } from './up.js'

/** `sallyport up`: everything in one go, until Ctrl-C. */
export async function runUp (options: UpOptions & { json?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  // People read the summary; the log shows what needs attention unless they ask for more.
  const log = createLogger({ level: loadConfig({ LOG_LEVEL: options.json === true ? undefined : 'warn', ...env }).LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  await runUntilStopped(lifecycle, log, async () => {
    const running = await up(options, env, log, lifecycle)
    if (options.json === true) {
      process.stdout.write(JSON.stringify(running.ready) + '\n')
      process.stdout.write(JSON.stringify({
        event: 'processes',
        processes: running.processes,
        // Under the same condition as the tokens.
        ...(running.ready.operatorToken !== null ? { databaseUrl: running.databaseUrl } : {})
      }) + '\n')
    } else {
      process.stdout.write(describe(running.ready))
    }
  })
}

function describe (ready: ReadyLine): string {
  const lines = [
    '',
    pc.bold('Sallyport is up.') + pc.dim('  Ctrl-C stops it.'),
    '',
    `  API              ${ready.api}        its description: ${ready.api}/docs`,
    `  operations       ${ready.ops}        health, metrics, queues: ${ready.ops}/queues`
  ]
  if (ready.intuneSimulator !== null) {
    lines.push(`  Intune simulator ${ready.intuneSimulator}`, '',
      pc.yellow('  No Intune credentials are configured: levels go to the bundled simulator, not to Microsoft.'))
  }
  if (ready.operatorToken !== null) {
    lines.push('', '  Look at the fleet:', '',
      pc.cyan(`    curl -H 'Authorization: Bearer ${ready.operatorToken}' ${ready.api}/v1/tenants/${ready.tenantId}/devices`), '',
      `  Enrolment token for agents: ${ready.enrollmentToken}`)
  }
  return lines.join('\n') + '\n\n'
}
