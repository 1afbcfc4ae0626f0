import t from 'tap'
import { startCommand } from './sallyport.js'

t.test('the demo plays every story, says so in JSON, and ends with 0', async (t) => {
  const { child, exited, errors } = startCommand(t, ['demo', '--json'])
  const chunks: Buffer[] = []
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk))
  t.equal(await exited, 0, errors())

  const result = JSON.parse(Buffer.concat(chunks).toString())
  t.equal(result.ok, true)
  t.strictSame(result.scenarios.map(({ id }: { id: string }) => id),
    ['malicious-app', 'network-wifi', 'network-sharepoint', 'jailbreak', 'exploited-ios', 'user-ca'])
  for (const scenario of result.scenarios) {
    for (const step of scenario.steps) {
      t.strictSame(step.faults, [], `${scenario.id}: ${step.says}`)
      t.type(step.reportToIntuneMs, 'number')
    }
    const accesses = scenario.steps.map((step: { intune: { access: { exchange: string } } }) => step.intune.access.exchange)
    t.ok(accesses.includes('blocked'), `${scenario.id}: access was blocked`)
    t.equal(accesses.at(-1), 'granted', `${scenario.id}: access came back`)
  }
})
