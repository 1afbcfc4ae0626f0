import type { Detection, DetectionCategory } from './detection.js'
import { DETECTIONS } from './detections/index.js'
import type { Example, ExampleReport } from './example.js'
import { DEFAULT_EVENT_LIFETIME_SECONDS } from './policy/policy.js'

const HEADINGS: Readonly<Record<DetectionCategory, string>> = {
  app: 'Apps',
  network: 'Network and web',
  os: 'Operating system',
  device: 'Device integrity and configuration',
  management: 'Management and agent health',
  composite: 'Composite'
}
const PLATFORM_NAMES = { android: 'Android', ios: 'iOS', ipados: 'iPadOS' } as const

/** Bursts are long and say the same again and again. */
const MAX_SHOWN = 3

const DIGEST = /^[0-9a-f]{32,}$/i

function shorten (value: unknown): unknown {
  if (typeof value === 'string' && DIGEST.test(value)) return `${value.slice(0, 8)}…`
  if (Array.isArray(value)) return value.length <= MAX_SHOWN + 1 ? value.map(shorten) : [...value.slice(0, MAX_SHOWN).map(shorten), `… ${value.length - MAX_SHOWN} more`]
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shorten(member)]))
}

/** JSON in a cell of a table. */
const code = (value: unknown): string => '`' + JSON.stringify(shorten(value)).replaceAll('`', '\'').replaceAll('|', '\\|') + '`'

function given ({ report, earlier = [], intel, openVulnerabilities, appVulnerabilities, osSupport, policy, now }: Example): string {
  const before: ReadonlyArray<readonly [string, ExampleReport]> = earlier.map((one) => ['earlier', one])
  const parts: ReadonlyArray<readonly [string, unknown]> = [
    ...before, ['', report], ['intelligence', intel], ['open in the system', openVulnerabilities], ['open in apps', appVulnerabilities], ['support', osSupport], ['policy', policy], ['at', now]
  ]
  return parts.filter(([, value]) => value !== undefined).map(([title, value]) => `${title === '' ? '' : `${title} `}${code(value)}`).join('; ')
}

function renderExample (example: Example): string {
  const { name, platform, finds } = example
  const outcome = finds === 'unknown' ? 'unknown' : finds.length === 0 ? 'nothing' : finds.map((one) => code(one.split(' ').map(shorten).join(' ')).replaceAll('"', '')).join(', ')
  return `| ${name.replaceAll('|', '\\|')} (${PLATFORM_NAMES[platform]}) | ${given(example)} | ${outcome} |`
}

/** How long it counts, what it needs, what it is made of. */
function renderFacts ({ needs, sections, eventLifetimeSeconds, mayWait, builtFrom }: Detection): readonly string[] {
  return [
    ...(needs.length === 0 ? [] : [`- **Unknown without** ${needs.map((path) => `\`${path}\``).join(' or ')}.`]),
    ...(eventLifetimeSeconds === undefined || !sections.includes('events') ? [] : [`- **An event counts** ${eventLifetimeSeconds / 3600} hours (others ${DEFAULT_EVENT_LIFETIME_SECONDS / 3600}).`]),
    ...(mayWait === true ? ['- **May wait** for the policy\'s `grace`.'] : []),
    ...(builtFrom === undefined ? [] : [`- **Made of** ${builtFrom.map((part) => `[${part}](#${part})`).join(', ')}.`])
  ]
}

function renderDetection (detection: Detection): string {
  const { id, version, severity, platforms, attack, sections, description, remediation, raisesLevel, examples } = detection
  const techniques = attack.map((technique) => `[${technique}](https://attack.mitre.org/techniques/${technique.replace('.', '/')}/)`)
  return [
    `### ${id}`,
    '',
    description,
    '',
    '| severity | platforms | looks at | ATT&CK | version |',
    '| --- | --- | --- | --- | --- |',
    `| ${severity}${raisesLevel ? '' : ' (never raises the level)'} | ${platforms.map((platform) => PLATFORM_NAMES[platform]).join(', ')} | ${sections.join(', ')} | ${techniques.join(', ') || '–'} | ${version} |`,
    '',
    `- **User:** ${remediation.user}`,
    `- **Administrator:** ${remediation.admin}`,
    ...renderFacts(detection),
    '',
    `<details><summary>${examples.length} examples</summary>`,
    '',
    '| example | reported | found |',
    '| --- | --- | --- |',
    ...examples.map(renderExample),
    '',
    '</details>'
  ].join('\n')
}

/** The body of docs/detections.md: every detection as its file states it. */
export function renderCatalogue (detections: readonly Detection[] = DETECTIONS): string {
  return (Object.keys(HEADINGS) as DetectionCategory[])
    .map((category) => [category, detections.filter((detection) => detection.category === category)] as const)
    .filter(([, members]) => members.length > 0)
    .map(([category, members]) => [`## ${HEADINGS[category]}`, ...members.map(renderDetection)].join('\n\n'))
    .join('\n\n')
}
