import t from 'tap'
import { checkCases, entry, judge, only } from '../helpers.js'

t.test('a rooted or jailbroken phone is found by its verdict', async (t) => {
  checkCases(t, [
    { name: 'rooted', phone: { integrity: { rooted: true } }, finds: ['dev-rooted rooted high'] },
    { name: 'not rooted', phone: { integrity: { rooted: false, reasons: ['nothing found'] } }, finds: [] },
    { name: 'unknown', phone: { integrity: { reasons: ['?'] } }, finds: [] },
    { name: 'no section', phone: {}, finds: [] },
    { name: 'jailbroken', platform: 'ios', phone: { integrity: { jailbroken: true } }, finds: ['dev-jailbroken jailbroken high'] },
    { name: 'jailbroken iPad', platform: 'ipados', phone: { integrity: { jailbroken: true } }, finds: ['dev-jailbroken jailbroken high'] },
    { name: 'not jailbroken', platform: 'ios', phone: { integrity: { jailbroken: false } }, finds: [] },
    { name: 'a jailbroken Android phone is a mistake', phone: { integrity: { jailbroken: true } }, finds: [] },
    { name: 'a rooted iPhone is a mistake', platform: 'ios', phone: { integrity: { rooted: true } }, finds: [] }
  ])
  const { evidence, title } = only(judge({ phone: { integrity: { rooted: true, reasons: ['su found', 'boot image changed'] } } }))
  t.strictSame(evidence, [
    { path: 'integrity.rooted', value: true },
    { path: 'integrity.reasons[0]', value: 'su found' },
    { path: 'integrity.reasons[1]', value: 'boot image changed' }
  ])
  t.match(title, /su found, boot image changed/)
})

t.test('each root tool is a finding of its own', async (t) => {
  checkCases(t, [
    { name: 'two', phone: { integrity: { rootBinaries: ['/system/xbin/su', '/sbin/magisk'] } }, finds: ['dev-root-binary /sbin/magisk high', 'dev-root-binary /system/xbin/su high'] },
    { name: 'one told twice', phone: { integrity: { rootBinaries: ['/system/xbin/su', '/system/xbin/su'] } }, finds: ['dev-root-binary /system/xbin/su high'] },
    { name: 'none', phone: { integrity: { rootBinaries: [] } }, finds: [] },
    { name: 'unknown', phone: { integrity: {} }, finds: [] }
  ])
})

t.test('unsafe settings are found, unknown ones are not', async (t) => {
  checkCases(t, [
    { name: 'no lock', phone: { config: { passcodeSet: false } }, finds: ['dev-no-passcode passcodeSet medium'] },
    { name: 'no lock on an iPhone', platform: 'ios', phone: { config: { passcodeSet: false } }, finds: ['dev-no-passcode passcodeSet medium'] },
    { name: 'lock', phone: { config: { passcodeSet: true } }, finds: [] },
    { name: 'not encrypted', phone: { config: { encryption: 'inactive' } }, finds: ['dev-unencrypted encryption high'] },
    { name: 'cannot encrypt', phone: { config: { encryption: 'unsupported' } }, finds: ['dev-unencrypted encryption high'] },
    { name: 'encrypted', phone: { config: { encryption: 'active' } }, finds: [] },
    { name: 'encrypted with the default key is another detection', phone: { config: { encryption: 'default-key' } }, finds: [] },
    { name: 'debugging', phone: { config: { usbDebugging: true } }, finds: ['dev-usb-debugging usbDebugging medium'] },
    { name: 'no debugging', phone: { config: { usbDebugging: false } }, finds: [] },
    { name: 'nothing known', phone: { config: {} }, finds: [] }
  ])
})

t.test('a listed profile is reported by one detection', async (t) => {
  const profiles = [{ uuid: 'AAAA-1', identifier: 'com.bad.profile' }]
  checkCases(t, [
    { name: 'by its uuid', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'aaaa-1')], finds: ['dev-malicious-profile AAAA-1 high'] },
    { name: 'by its identifier', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'com.bad.profile')], finds: ['dev-malicious-profile com.bad.profile high'] },
    { name: 'mercenary spyware has its own', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'aaaa-1', { threatClass: 'mercenary-spyware' })], finds: ['app-mercenary-spyware AAAA-1 high'] },
    { name: 'an unlisted one is fine', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'bbbb')], finds: [] }
  ])
})
