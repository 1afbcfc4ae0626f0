import pc from 'picocolors'
import { RESOURCES, type Resource, type Scenario } from './scenarios.js'
import type { ScenarioResult, StepResult } from './play.js'

const WIDTH = 92
const RESOURCE_NAMES: Readonly<Record<Resource, string>> = {
  exchange: 'mail', sharepoint: 'SharePoint', onedrive: 'OneDrive', wifi: 'Wi-Fi', companyApps: 'company apps'
}
const LEVEL_COLOURS: Readonly<Record<string, (text: string) => string>> = {
  secured: pc.green, low: pc.yellow, medium: pc.yellow, high: pc.red
}

export function printHeading (write: (line: string) => void): void {
  write('')
  write(pc.bold('Sallyport: from a threat on the phone to blocked access, and back'))
  write(pc.dim('Every step goes through the public API, PostgreSQL, the queues and the Intune protocol.'))
}

export function printScenario (write: (line: string) => void, number: number, scenario: Scenario): void {
  const { manufacturer, model, platform, osVersion } = scenario.phone
  const phone = `${manufacturer} ${model}, ${platform === 'ios' ? 'iOS' : 'Android'} ${osVersion}`
  const title = `${number}  ${scenario.title}`
  write('')
  write(pc.bold(title) + ' '.repeat(Math.max(2, WIDTH - title.length - phone.length)) + pc.dim(phone))
  write(pc.dim('─'.repeat(WIDTH)))
}

export function printStep (write: (line: string) => void, scenario: Scenario, step: StepResult): void {
  write(`${step.ok ? pc.green('✓') : pc.red('✗')} ${step.says}`)
  if (step.level !== null && step.intune !== null) {
    const colour = LEVEL_COLOURS[step.level] ?? ((text: string) => text)
    const took = step.reportToIntuneMs === null ? '' : pc.dim(`  ${Math.round(step.reportToIntuneMs)} ms from report to Intune`)
    write(`    level   ${colour(pc.bold(step.level))}   Intune: ${step.intune.complianceState}${took}`)
    write(`    access  ${describeAccess(scenario, step.intune.access)}`)
  }
  for (const [index, reason] of step.reasons.slice(0, 2).entries()) writeWrapped(write, index === 0 ? 'why' : '', reason)
  if (step.reasons.length > 2) write(pc.dim(`            and ${step.reasons.length - 2} more findings`))
  if (step.todo !== null) writeWrapped(write, 'to do', step.todo)
  for (const fault of step.faults) write(pc.red(`    wrong   ${fault}`))
}

export function printSummary (write: (line: string) => void, results: readonly ScenarioResult[]): void {
  const steps = results.flatMap(({ steps }) => steps)
  const times = steps.flatMap(({ reportToIntuneMs }) => reportToIntuneMs === null ? [] : [reportToIntuneMs]).sort((a, b) => a - b)
  const good = steps.filter(({ ok }) => ok).length
  write('')
  write(pc.dim('─'.repeat(WIDTH)))
  const verdict = `${good} of ${steps.length} steps came true`
  const median = times.length === 0 ? '' : `; report to Intune: median ${Math.round(times[Math.floor(times.length / 2)]!)} ms, slowest ${Math.round(times.at(-1)!)} ms`
  write((good === steps.length ? pc.green : pc.red)(pc.bold(verdict)) + median)
  write(pc.dim('`npm start` keeps all of this running for you to try.'))
  write('')
}

function describeAccess (scenario: Scenario, access: Readonly<Record<Resource, 'granted' | 'blocked'>>): string {
  return RESOURCES.map((resource) => {
    const granted = access[resource] === 'granted'
    const text = `${granted ? '●' : '○'} ${RESOURCE_NAMES[resource]}`
    const coloured = granted ? pc.green(text) : pc.red(text)
    return scenario.about.includes(resource) ? pc.bold(coloured) : coloured
  }).join('   ') + pc.dim(Object.values(access).includes('blocked') ? '   (○ blocked)' : '')
}

function writeWrapped (write: (line: string) => void, label: string, text: string): void {
  const indent = ' '.repeat(12)
  let line = ''
  let first = true
  const flush = (): void => {
    write((first ? `    ${label.padEnd(8)}` : indent) + pc.dim(line))
    first = false
  }
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > WIDTH - indent.length) {
      flush()
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  flush()
}
