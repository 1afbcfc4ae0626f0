import type { Detection, DetectionCategory } from './detection.js'
import { DETECTIONS } from './detections/index.js'

const HEADINGS: Readonly<Record<DetectionCategory, string>> = {
  app: 'Apps',
  network: 'Network and web',
  os: 'Operating system',
  device: 'Device integrity and configuration',
  management: 'Management and agent health',
  composite: 'Composite'
}
const PLATFORM_NAMES = { android: 'Android', ios: 'iOS', ipados: 'iPadOS' } as const

function renderDetection (detection: Detection): string {
  const { id, version, severity, platforms, attack, sections, description, remediation, raisesLevel } = detection
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
    `- **Administrator:** ${remediation.admin}`
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
