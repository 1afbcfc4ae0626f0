import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SETTINGS } from '../src/config.js'
import { renderGuardedHosts } from '../src/intel/indicators/guarded-hosts-page.js'
import { renderConnections } from '../src/platform/connections.js'
import { renderMetrics } from '../src/platform/metrics-page.js'
import { PERMISSIONS, type Permission, scopeOf } from '../src/operators/roles.js'
import { renderDataClasses } from '../src/devices/personal-data.js'
import { packageRoot } from '../src/platform/package-root.js'
import { renderCatalogue } from '../src/risk/catalogue-page.js'
import { THRESHOLDS } from '../src/risk/policy/thresholds.js'
import { INGEST_TABLES } from '../src/telemetry/ingest-page.js'
import { renderLogEvents } from './log-events.js'
import { renderLimits, renderNeeds } from './capacity.js'

/** A piece of documentation that is written from the code, between two marker comments of a page. */
export interface GeneratedPart {
  readonly page: string
  readonly marker: string
  render (): string
}

function renderSettings (): string {
  const rows = Object.entries(SETTINGS).map(([name, { default: value, description, secret }]) =>
    `| \`${name}\`${secret === true ? `, \`${name}_FILE\`` : ''} | ${value === undefined ? '' : `\`${value}\``} | ${description} |`)
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function renderThresholds (): string {
  const rows = Object.entries(THRESHOLDS).map(([name, { default: value, minimum, maximum, unit, description }]) => `| \`${name}\` | ${value} | ${minimum} to ${maximum} | ${unit} | ${description} |`)
  return ['| threshold | default | may be | unit | meaning |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}

function renderPermissions (): string {
  const scopes = { tenant: 'in the tenant of the address', platform: 'on the platform', self: '' }
  const rows = (Object.keys(PERMISSIONS) as Permission[]).map((permission) => {
    const role = PERMISSIONS[permission]
    return `| \`${permission}\` | ${role === null ? 'every operator' : `\`${role}\``} | ${scopes[scopeOf(permission)]} |`
  })
  return ['| permission | least role | where |', '| --- | --- | --- |', ...rows].join('\n')
}

export const GENERATED_PARTS: readonly GeneratedPart[] = [
  { page: 'README.md', marker: 'settings', render: renderSettings },
  { page: 'docs/detections.md', marker: 'detections', render: () => renderCatalogue() },
  { page: 'docs/policy.md', marker: 'thresholds', render: renderThresholds },
  { page: 'docs/privacy.md', marker: 'data-classes', render: renderDataClasses },
  { page: 'docs/metrics.md', marker: 'metrics', render: renderMetrics },
  { page: 'docs/operations.md', marker: 'connections', render: renderConnections },
  { page: 'docs/logs.md', marker: 'log-events', render: renderLogEvents },
  { page: 'docs/sign-in.md', marker: 'permissions', render: renderPermissions },
  { page: 'docs/intel.md', marker: 'guarded-hosts', render: renderGuardedHosts },
  { page: 'docs/capacity.md', marker: 'capacity', render: renderNeeds },
  { page: 'docs/capacity.md', marker: 'limits', render: renderLimits },
  ...Object.entries(INGEST_TABLES).map(([vocabulary, render]) => ({ page: 'docs/ingest.md', marker: vocabulary, render }))
]

const begin = (marker: string): string => `<!-- ${marker}: written by \`npm run docs\` -->`
const end = (marker: string): string => `<!-- end of ${marker} -->`

/** The page's text with the part put in. @throws when the page has no such markers. */
export function insertPart (text: string, part: GeneratedPart): string {
  const from = text.indexOf(begin(part.marker))
  const to = text.indexOf(end(part.marker))
  if (from < 0 || to < from) throw new Error(`${part.page} has no markers for ${part.marker}`)
  return `${text.slice(0, from)}${begin(part.marker)}\n${part.render()}\n${text.slice(to)}`
}

/** Rewrites every generated part; answers the pages that changed. */
export function writeDocs (): string[] {
  const changed: string[] = []
  for (const part of GENERATED_PARTS) {
    const file = join(packageRoot, part.page)
    const before = readFileSync(file, 'utf8')
    const after = insertPart(before, part)
    if (after === before) continue
    writeFileSync(file, after)
    changed.push(part.page)
  }
  return changed
}

if (process.argv[1] !== undefined && import.meta.url.endsWith('/tools/docs.js') && process.argv[1].endsWith('docs.js')) {
  const changed = writeDocs()
  process.stdout.write(changed.length === 0 ? 'The generated docs are up to date.\n' : `Written: ${changed.join(', ')}\n`)
}
