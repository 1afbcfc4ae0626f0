import fc from 'fast-check'
import t from 'tap'
import { isOrdinary, ORDINARY_WORDS } from '../../../src/risk/data/ordinary-words.js'
import { isDistinctiveName } from '../../../src/risk/facts/distinctive-names.js'
import { ORDINARY_APPS } from '../ordinary-apps.js'

t.test('a name is a family\'s own by its brand or by chance that nobody shares', async (t) => {
  for (const [appId, family] of [
    ['com.cocospy', 'Cocospy'], ['com.duiyun.cocospy.v2', 'Cocospy'], ['med.mspy.mspy', 'mSpy'], ['com.mspy.lite', 'mSpy'], ['com.wSpyEra', 'SpyEra'],
    ['pl.lidwin.letmespy5', 'LetMeSpy'], ['com.lsdroid.cerberus.kids', 'Cerberus'], ['app.spy24.systemwifi', 'Spy 24'], ['com.fzvsdrtb.qwrtxhri', 'Anything']
  ] as const) t.ok(isDistinctiveName(appId, [family]), appId)
})

t.test('ordinary words, makers\' names and names of several families are nobody\'s own', async (t) => {
  for (const [appId, ...families] of [
    ['com.android.system', 'OneSpy'], ['com.phone.service', 'Anything'], ['com.system.user', 'uMobix'], ['com.smart', 'Trackplus'], ['system.framework', 'mSpy'],
    ['com.android.cocospy', 'Cocospy'], ['com.google.android.cocospy', 'Cocospy'], ['com.sec.android.cocospy', 'Cocospy'], ['com.example.hellospy', 'HelloSpy'],
    ['com.cocospy', 'Cocospy', 'Spyier'], ['cocospy', 'Cocospy'], ['com.xspyx', 'mSpy'], ['com.emspyre.app', 'mSpy'],
    ['com.pt.bark', 'bark'], ['app.trackview', 'TrackView'], ['com.mango.findmyphone', 'FindMyPhone'], ['org.findmykids.app', 'FindMyKids'], ['com.monitor.phonemonitor', 'PhoneMonitor'],
    ['com.abc.def', 'abc'], ['com.unknown.app', 'unknown'], ['com.fzvsdrtb.app', 'Anything'], ['com.nightschool.watchstrap', 'Anything'], ['com.123456.app', ''], ['com.thing', '']
  ] as const) t.notOk(isDistinctiveName(appId, families), `${appId} of ${families.join(', ')}`)
})

t.test('whatever words a family\'s name is made of, they are not its own', async (t) => {
  const words = [...ORDINARY_WORDS].filter((word) => word.length > 1)
  fc.assert(fc.property(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }), (name) => {
    if (!isOrdinary(name.join(''))) throw new Error(name.join(' '))
    if (isDistinctiveName(`com.${name.join('')}`, [name.join(' ')])) throw new Error(name.join('.'))
  }))
  t.notOk(isOrdinary('cocospy'))
  t.notOk(isOrdinary(`${'on'.repeat(200)}x`), 'and the answer is quick')
})

t.test('no ordinary app has a name made up by a machine', async (t) => {
  t.strictSame(ORDINARY_APPS.filter((appId) => isDistinctiveName(appId, ['Anything'])), [])
})
