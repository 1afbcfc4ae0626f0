import t from 'tap'
import { classInText, roleOf } from '../../../src/intel/feeds/context.js'
import { threatClassOf } from '../../../src/intel/feeds/threat-class.js'
import { packStatement, unpackStatement } from '../../../src/intel/index/index-parts.js'
import { THREAT_CLASSES } from '../../../src/intel/indicators/indicator.js'

t.test('tells the class of malware from what its publisher calls it', async (t) => {
  for (const [name, description, labels, expected] of [
    ['Predator', 'IOCs for Cytrox Predator', [], 'mercenary-spyware'],
    ['NoviSpy', 'IOCs for Serbian NoviSpy Android spyware', [], 'mercenary-spyware'],
    ['NSO Pegasus', '', [], 'mercenary-spyware'],
    ['FinFisher', '', [], 'mercenary-spyware'],
    ['Whatever', '', ['spyware'], 'mercenary-spyware'],
    ['mSpy', 'Stalkerware applications', ['spyware'], 'stalkerware'],
    ['FamiWatch', '', ['parental control', 'spyware'], 'watchware'],
    ['ClickMe', '', ['adware'], 'adware'],
    ['BankBot', 'A banking trojan', ['trojan'], 'banking-trojan'],
    ['FluBot', 'spreads by phishing', ['trojan', 'Android banker'], 'banking-trojan'],
    ['DoubleLocker', '', ['ransomware', 'trojan'], 'ransomware'],
    ['Joker', 'Subscribes to premium services: toll fraud', [], 'toll-fraud'],
    ['Joker', '', ['TOLL_FRAUD'], 'toll-fraud'],
    ['Haken', 'click fraud', [], 'click-fraud'],
    ['AhMyth', '', ['remote-access-trojan'], 'backdoor'],
    ['AhMyth', '', ['malicious-activity', 'ms-caro-malware:malware-type="Backdoor"'], 'backdoor'],
    ['Sharkbot', 'Its dropper installs a backdoor by an exploit', ['trojan'], 'malware'],
    ['Towelroot', '', ['EXPLOIT'], 'exploit'],
    ['Magisk', '', ['ROOT_ENABLER'], 'root-enabler'],
    ['Vultur', '', ['APP_DROPPER'], 'dropper'],
    ['Bulk SMS', '', ['spam'], 'spam'],
    ['zANTI', 'a hacking tool', [], 'hacking-tool'],
    ['Some tool', '', ['RISKWARE'], 'riskware'],
    ['Some tool', 'potentially unwanted application', [], 'pua'],
    ['Pegasus', 'a backdoor', ['exploit'], 'mercenary-spyware'],
    ['Unnamed', 'targeted surveillance with a dropper', ['dropper'], 'mercenary-spyware'],
    ['Login pages', '', ['phishing'], 'phishing'],
    ['Exodusters', 'pencils of graphite', ['malicious-activity'], 'malware']
  ] as const) t.equal(threatClassOf({ name, description, labels }), expected, name)
})

t.test('tells it from lists as well, and what controls phones from what lures', async (t) => {
  for (const [text, expected] of [
    ['APP_DROPPER', 'dropper'], ['Botnet C2 servers', 'c2'], ['Ransomware domains', 'ransomware'], ['ET MOBILE_MALWARE Android/Trojan', 'malware'], ['phishing', 'phishing'],
    ['Spam domains', 'spam'], ['a list', undefined]
  ] as const) t.equal(classInText(text), expected, text)
  t.equal(roleOf('domain', 'banking-trojan'), 'c2')
  t.equal(roleOf('domain', 'spam'), 'distribution', 'nothing on the phone is controlled from there')
  t.equal(roleOf('sha256', 'dropper'), 'artifact')
})

t.test('every class has its place in the compiled index', async (t) => {
  t.strictSame(THREAT_CLASSES.map((threatClass) => unpackStatement(packStatement({ role: 'artifact', threatClass, confidence: 100 })).threatClass), [...THREAT_CLASSES])
  t.strictSame(THREAT_CLASSES.slice(0, 9), ['malware', 'mercenary-spyware', 'stalkerware', 'watchware', 'adware', 'fraud', 'phishing', 'c2', 'unknown'], 'those of earlier stores')
})
