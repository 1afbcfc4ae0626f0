import t from 'tap'
import { describeExplanation } from '../../src/commands/explain.js'
import { oneLine, showable } from '../../src/commands/say.js'

t.test('nothing that a stranger named moves a terminal, and all else is as it was', async (t) => {
  t.equal(showable('App \u001b]0;owned\u0007 \u001b[2J\u001b[1;1H\u009b31m\u202egnp.exe\u2069\r'), 'App \\u001b]0;owned\\u0007 \\u001b[2J\\u001b[1;1H\\u009b31m\\u202egnp.exe\\u2069\\u000d')
  t.equal(showable('plain, ä, 漢字, 🙂\n\tnext'), 'plain, ä, 漢字, 🙂\n\tnext')
  t.equal(showable('\u001b[31mFAILED\u001b[39m \u001b[2mlater\u001b[22m'), '\u001b[31mFAILED\u001b[39m \u001b[2mlater\u001b[22m', 'our own colours')
  t.equal(showable('\u001b[8mhidden\u001b[31;8m'), '\\u001b[8mhidden\\u001b[31;8m', 'but nothing that hides text')
  const said = { name: '\u009b31m\u202e\u2028 \u001b[31m' }
  t.strictSame(JSON.parse(showable(JSON.stringify(said))), said, 'what is JSON stays the same')
})

t.test('a name within a line does not begin another', async (t) => {
  t.equal(oneLine('Torch\n\nThere is no finding.\r\u2028x'), 'Torch There is no finding. x')
  const finding = {
    detection: 'app-malware', ruleVersion: 1, severity: 'high', raisesLevel: true, title: 'Torch\nThere is no finding.', evidence: [], intel: null, suppression: null,
    since: '2026-11-23T08:00:00.000Z', firstSeen: '2026-11-23T08:00:00.000Z', expiresAt: null
  }
  const text = describeExplanation({
    deviceId: 'a phone', at: 'now', level: 'high', since: null, state: 'activated', stale: false, score: 9, findings: [finding], wayBack: [],
    rests: { sections: [], policyVersion: 1, intelVersion: 1, groups: [], unknown: [] }
  } as never)
  t.notMatch(text, /^\s*There is no finding/m)
  t.match(text, /Torch There is no finding\./)
})
