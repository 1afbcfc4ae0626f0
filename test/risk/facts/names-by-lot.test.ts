import t from 'tap'
import { isMadeByLot, namesByLotLike } from '../../../src/risk/facts/names-by-lot.js'
import { entry, intelOf } from '../helpers.js'
import { ORDINARY_APPS, ORDINARY_VARIANTS } from '../ordinary-apps.js'

const BY_LOT = ['com.aixlunro.uqfhkagb', 'com.bzbqbkya.hgozttiu', 'com.ntckdlhc.oifhnjwp', 'com.tbntxear.vfmkjxme', 'com.uzoifhzk.qmqnpwaf']
const OTHER = 'com.qpbowavl.dbqhyjcw'
const listed = (names: readonly string[], family = 'KidsShield', feed = 'list', threatClass: 'stalkerware' | 'malware' = 'stalkerware') => names.map((value) => entry('app-id', value, { threatClass, family, feed }))
const familiesOf = (entries: ReturnType<typeof listed>, appId = OTHER): string[] => [...new Set(namesByLotLike(intelOf(entries), appId).map(({ family }) => family))]

t.test('another name made by lot is of the family whose names have its form', async (t) => {
  t.strictSame(familiesOf(listed(BY_LOT)), ['KidsShield'])
  t.strictSame(familiesOf([...listed(BY_LOT), ...listed(['com.fhekpqbq.otlzonjx'], 'Other')]), ['KidsShield'], 'not of a family with fewer')
})

t.test('it says nothing with fewer names, with another form, or when people made one of the names', async (t) => {
  t.strictSame(familiesOf(listed(BY_LOT.slice(1))), [], 'four')
  t.strictSame(familiesOf([...listed(BY_LOT.slice(3), 'One'), ...listed(BY_LOT.slice(0, 3), 'Two')]), [], 'five of two families')
  t.strictSame(familiesOf([...listed(BY_LOT.slice(1)), ...listed(BY_LOT.slice(1), 'KidsShield', 'second')]), [], 'four in two feeds')
  t.strictSame(familiesOf([...listed(BY_LOT.slice(1)), ...listed(['com.mobiispy.tracking', 'com.evenwell.cpclient'])]), [], 'four, and two that people gave')
  t.strictSame(familiesOf(listed(BY_LOT, 'X', 'list', 'malware')), [], 'names of other malware are taken from anybody')
  for (const appId of ['com.qpbowavl.dbqhyjcwz', 'org.qpbowavl.dbqhyjcw', 'com.qpbowavl', 'com.qpbowavl.dbqhyjcw.app', 'com.qpbowavl.messages', 'com.Qpbowavl.dbqhyjcw', 'com.qpbowavl.dbqhyj1w']) t.strictSame(familiesOf(listed(BY_LOT), appId), [], appId)
})

t.test('no ordinary app is named so', async (t) => {
  t.strictSame([...ORDINARY_APPS, ...ORDINARY_VARIANTS].filter(isMadeByLot), [])
})
