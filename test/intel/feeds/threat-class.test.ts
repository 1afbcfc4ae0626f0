import t from 'tap'
import { threatClassOf } from '../../../src/intel/feeds/threat-class.js'

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
    ['BankBot', 'A banking trojan', ['trojan'], 'malware'],
    ['Login pages', '', ['phishing'], 'phishing'],
    ['Exodusters', 'pencils of graphite', ['malicious-activity'], 'malware']
  ] as const) t.equal(threatClassOf({ name, description, labels }), expected, name)
})
