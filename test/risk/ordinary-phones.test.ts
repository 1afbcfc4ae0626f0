import t from 'tap'
import { buildIntelIndex } from '../../src/intel/index/intel-index.js'
import { parseStalkerware } from '../../src/intel/feeds/stalkerware.js'
import { parseStix } from '../../src/intel/feeds/stix.js'
import type { ParsedFeed } from '../../src/intel/feeds/parsed-feed.js'
import { BUILT_IN_GUARD, whyGuarded } from '../../src/intel/indicators/shared-hosts.js'
import type { IntelView } from '../../src/intel/intel-view.js'
import type { Assessment } from '../../src/risk/assessment.js'
import { assess } from '../../src/risk/assess.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { readSharedData } from '../intel/shared-data.js'
import { at, HOUR_MS, NOW, phone, summary, type Phone } from './helpers.js'
import { ORDINARY_APPS, ORDINARY_VARIANTS } from './ordinary-apps.js'

const indexOf = (...feeds: readonly ParsedFeed[]): IntelView => buildIntelIndex({
  version: 1,
  entries: feeds.flatMap(({ indicators }, number) => indicators.filter((one) => whyGuarded(BUILT_IN_GUARD, one) === undefined).map((one) => ({ ...one, feed: `feed-${number}` }))),
  vulnerabilities: []
})
const judge = (intel: IntelView, told: Phone, platform: 'android' | 'ios' = 'android'): Assessment => assess({ platform, state: phone(told), intel, policy: BUILT_IN_POLICY, now: NOW })

/** The test keys that the Android Open Source Project publishes: many makers' own apps have them. */
const AOSP_KEYS = ['61ed377e85d386a8dfee6b864bd85b0bfaa5af81', '27196e386b875e76adf700e7ea84e4c6eee33dfa']
const HOSTS = [
  'www.google.com', 'clients3.google.com', 'mtalk.google.com', 'connectivitycheck.gstatic.com', 'play.googleapis.com', 'graph.facebook.com', 'e1.whatsapp.net', 'github.com', 'raw.githubusercontent.com',
  'gateway.icloud.com', 'captive.apple.com', 'api.telegram.org', 'dns.google', 'bit.ly', 'cdn.jsdelivr.net', 's3.amazonaws.com', 'firebaseio.com', 'someapp.firebaseio.com', 'myapp.appspot.com', 'appspot.com',
  'd111111abcdef8.cloudfront.net', 'example.zendesk.com', 'app-measurement.com', 'settings.crashlytics.com', 'de.wikipedia.org', 'www.samsung.com', 'data.mistat.intl.xiaomi.com', 'outlook.office365.com'
]

t.test('an ordinary phone has hundreds of apps to confuse', async (t) => {
  t.equal(new Set(ORDINARY_APPS).size, ORDINARY_APPS.length, 'each once')
  t.ok(ORDINARY_APPS.length > 1_000 && ORDINARY_VARIANTS.length > 5_000, `${ORDINARY_APPS.length} apps, ${ORDINARY_VARIANTS.length} with variants`)
})

t.test('a phone that carries thousands of ordinary apps has nothing', async (t) => {
  const list = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 3)
  const novispy = readSharedData(t, 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', 0)
  const cytrox = readSharedData(t, 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 0)
  if (list === undefined || novispy === undefined || cytrox === undefined) return
  const intel = indexOf(parseStalkerware(list), parseStix(novispy), parseStix(cytrox))
  const told: Phone = {
    apps: ORDINARY_VARIANTS.map((appId, index) => ({ appId, system: true, signingCertSha1: [AOSP_KEYS[index % 2]!], sha256: index.toString(16).padStart(64, '0') })),
    processes: ORDINARY_VARIANTS.flatMap((appId) => [appId, `${appId}:remote`]),
    events: HOSTS.map((host, index) => ({ eventId: `e${index}`, type: 'dns-query', at: at(-HOUR_MS), host }))
  }
  const result = judge(intel, told)
  t.strictSame(result.failures, [])
  t.strictSame(summary(result), [])
  t.strictSame(summary(judge(intel, told, 'ios')), [])
})

t.test('a phone with the app of a stalkerware list is found by package or by certificate, whichever it tells', async (t) => {
  const list = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 3)
  if (list === undefined) return
  const parsed = parseStalkerware(list)
  const intel = indexOf(parsed)
  const severities = (told: (value: string) => Phone, type: 'app-id' | 'cert-sha1'): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const value of new Set(parsed.indicators.filter((one) => one.type === type).map((one) => one.value))) {
      const severity = judge(intel, told(value)).findings.find(({ detection }) => detection === 'app-stalkerware')?.severity ?? 'none'
      counts[severity] = (counts[severity] ?? 0) + 1
    }
    return counts
  }
  const byName = severities((appId) => ({ apps: [{ appId }] }), 'app-id')
  t.equal(byName.none, undefined, 'every package is found')
  t.comment(`by package alone: ${JSON.stringify(byName)}`)
  t.ok(byName.high! > 50 && byName.high! < byName.medium! / 2, 'some names are a family\'s own, most are not')
  t.strictSame(severities((cert) => ({ apps: [{ appId: 'com.renamed.app', signingCertSha1: [cert.toUpperCase()] }] }), 'cert-sha1'), { high: 471 })
})
