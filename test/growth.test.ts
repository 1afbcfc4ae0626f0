import t from 'tap'
import { readFeed } from '../src/intel/feeds/index.js'
import { blotOut } from '../src/platform/log.js'
import { fromAndroidManagement } from '../src/telemetry/adapters/android-management.js'
import { parseProcesses } from '../src/telemetry/adapters/android-text.js'
import { preferredWait } from '../src/http/prefer.js'

const N = 400_000

const feed = (format: string, text: string) => (): void => {
  try {
    readFeed(text, format)
  } catch {
    // Nearly all of it is nothing, which is not the question here.
  }
}

/** What strangers can have us read, made for the expressions that read it: of each character as many as a file may well have. */
const HOSTILE: Readonly<Record<string, () => unknown>> = {
  'a log line of what almost are tokens': () => blotOut(`{"msg":"${'-eyJaaaaaaaa'.repeat(N / 12)}"}`),
  'a log line of beginnings of keys': () => blotOut(`{"msg":"${'-----BEGIN PRIVATE KEY'.repeat(N / 22)}"}`),
  'a log line of names of secrets': () => blotOut(`{"msg":"${'token'.repeat(N / 5)}"}`),
  'a list of processes in one line': () => parseProcesses(`u 1 1 1 1 ${'A '.repeat(N / 2)}\u2028x`),
  'advice to lock and lock and lock': () => fromAndroidManagement({ name: 'enterprises/e/devices/d', securityPosture: { devicePosture: 'AT_RISK', postureDetails: [{ securityRisk: 'COMPROMISED_OS', advice: [{ defaultMessage: '\0lock\0'.repeat(N / 6) }] }] } }),
  'a header of waits': () => preferredWait(', wait ='.repeat(N / 8)),
  'a hosts file of spaces before a comment': feed('hosts', Array.from({ length: 100 }, () => `0.0.0.0 a.example${' '.repeat(9_000)}x# y`).join('\n')),
  'a title of spaces': feed('hosts', `# title:${' '.repeat(9_000)}\u2028\n`.repeat(50)),
  'headings of spaces': feed('list', Array.from({ length: 50 }, () => `# IOC${' '.repeat(9_000)}\u2028x`).join('\n')),
  'items of spaces': feed('list', `# IOCs\n${Array.from({ length: 50 }, () => `* ${'\t'.repeat(9_000)}\u2028`).join('\n')}`),
  'words of dots': feed('list', `# IOCs\n${Array.from({ length: 50 }, () => `${'.'.repeat(9_000)}x`).join('\n')}`),
  'values of quotes': feed('list', Array.from({ length: 50 }, () => `x${'"'.repeat(9_000)}x`).join('\n')),
  'a column called cert md5 md5 md5': feed('csv', `cert${'md5'.repeat(N / 3)}!,domain\na,b.example\n`),
  'a comment of spaces before a table': feed('csv', `#${' '.repeat(N)}0${' '.repeat(N)}"0,\ndomain,x\na.example,b\n`),
  'a cell that is almost an address': feed('csv', `domain,x\na@${'b.'.repeat(N / 2)}@,b\n`),
  'rules whose names are spaces': feed('suricata', Array.from({ length: 50 }, () => `alert dns $HOME_NET any -> any any (msg:"P${' '.repeat(19_000)}x"; dns.query; content:"a.example"; sid:1;)`).join('\n')),
  'a folder of slashes': feed('stix', JSON.stringify({ type: 'bundle', objects: [{ type: 'indicator', id: 'indicator--00000000-0000-4000-8000-000000000001', pattern_type: 'stix', pattern: `[directory:path = '${'/'.repeat(250_000)}x']`, valid_from: '2026-01-01T00:00:00Z' }] })),
  'a pattern of comments': feed('stix', JSON.stringify({ type: 'bundle', objects: [{ type: 'indicator', id: 'indicator--00000000-0000-4000-8000-000000000002', pattern_type: 'stix', pattern: `${'\n//*\n'.repeat(50_000)}*/`, valid_from: '2026-01-01T00:00:00Z' }] }))
}

/** Linear, these are tens of milliseconds; as the square of their length, minutes. */
const LIMIT_MS = 5_000

t.test('nothing that strangers have us read takes the square of the time', async (t) => {
  for (const [name, read] of Object.entries(HOSTILE)) {
    const startedAt = performance.now()
    read()
    const tookMs = performance.now() - startedAt
    t.ok(tookMs < LIMIT_MS, `${name}: ${Math.round(tookMs)} ms`)
  }
})
