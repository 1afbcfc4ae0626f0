import type { Detection } from '../../detection.js'
import { describeEntry, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { fileTraces } from '../../facts/traces.js'

const HASH = 'c'.repeat(64)
const FILE = { path: '/storage/emulated/0/Download/update.apk', sha256: HASH } as const

export const appMaliciousFile: Detection = {
  id: 'app-malicious-file',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1544'],
  raisesLevel: true,
  description: 'A file on the phone is listed as malicious, such as an app that was downloaded and not installed. Traces of mercenary spyware are that detection\'s.',
  sections: ['files'],
  needs: ['files'],
  remediation: {
    user: 'Delete the file and do not open it.',
    admin: 'Have the file deleted. Find out how it came to the phone (message, download) and warn others who got it.'
  },
  examples: [
    { name: 'a downloaded app that a feed lists', platform: 'android', report: { files: [FILE] }, intel: [{ type: 'sha256', value: HASH }], finds: [`${FILE.path} medium`] },
    { name: 'another file', platform: 'android', report: { files: [{ ...FILE, sha256: 'd'.repeat(64) }] }, intel: [{ type: 'sha256', value: HASH }], finds: [] },
    { name: 'a trace of mercenary spyware is another detection\'s', platform: 'ios', report: { files: [{ path: '/private/var/db/agent' }] }, intel: [{ type: 'file-path', value: '/private/var/db/agent', threatClass: 'mercenary-spyware' }], finds: [] },
    { name: 'no files were told', platform: 'android', report: {}, intel: [{ type: 'sha256', value: HASH }], finds: 'unknown' }
  ],

  detect: (context) => fileTraces(context).flatMap(({ subject, evidence, entries }) => {
    const [entry] = entries
    if (entry === undefined || entries.some(({ threatClass }) => threatClass === 'mercenary-spyware')) return []
    return [{ subject, title: `The file ${subject} is listed for ${describeEntry(entry)}.`, evidence, intel: entry, severity: weigh(context, 'medium', entries) }]
  })
}
