import t from 'tap'
import { readFeed } from '../../../src/intel/feeds/index.js'
import { readSharedData } from '../shared-data.js'

/** Publishers put plain lists beside their bundles: both must say the same. */
const PAIRS = [
  { bundle: 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', lists: ['domains.txt'], types: ['domain', 'ipv4'] },
  { bundle: 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', lists: ['domains.txt'], types: ['domain', 'ipv4'] },
  { bundle: 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', lists: ['package_names.txt'], types: ['app-id'] },
  { bundle: 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', lists: ['sha256.txt'], types: ['sha256'] }
] as const

for (const { bundle, lists, types } of PAIRS) {
  t.test(`${lists.join(', ')} says what ${bundle} says`, async (t) => {
    const files = [bundle, ...lists.map((list) => bundle.replace(/[^/]+$/, list))].map((path) => readSharedData(t, path, 1))
    const [ofBundle, ...ofLists] = files
    if (ofBundle === undefined || ofLists.includes(undefined)) return
    const valuesOf = (text: string): string[] => readFeed(text, 'auto').indicators.filter(({ type }) => (types as readonly string[]).includes(type)).map(({ type, value }) => `${type} ${value}`)
    t.strictSame([...new Set(ofLists.flatMap((text) => valuesOf(text!)))].sort(), [...new Set(valuesOf(ofBundle))].sort())
  })
}
