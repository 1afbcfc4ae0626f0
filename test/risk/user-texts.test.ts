import t from 'tap'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import { LANGUAGES, pickLanguage, USER_TEXTS, userTextFor } from '../../src/risk/user-texts/index.js'

t.test('every language has every detection, and no other', async (t) => {
  const ids = DETECTIONS.map(({ id }) => id).sort()
  for (const language of LANGUAGES) {
    t.strictSame(Object.keys(USER_TEXTS[language]).sort(), ids, language)
    for (const [id, { title, steps }] of Object.entries(USER_TEXTS[language])) {
      t.ok(title.length > 10 && steps.length > 0 && steps.every((step) => step.length > 5), `${language} ${id} says something`)
    }
  }
})

t.test('languages say the same thing', async (t) => {
  for (const [id, { title, steps }] of Object.entries(USER_TEXTS.en)) {
    const german = USER_TEXTS.de[id]!
    t.equal(german.steps.length, steps.length, `${id} has as many steps`)
    t.equal(german.title.includes('{subject}'), title.includes('{subject}'), `${id} names its subject in both`)
  }
})

t.test('the phone\'s language is picked from what it accepts', async (t) => {
  for (const [header, language] of [
    [undefined, 'en'], ['', 'en'], ['de', 'de'], ['de-AT,de;q=0.9,en;q=0.8', 'de'], ['fr, de;q=0.5', 'de'], ['en;q=0.4, DE;q=0.6', 'de'],
    ['de;q=0, en', 'en'], ['fr', 'en'], ['*', 'en'], ['en,de', 'en'], [';;;,,q=', 'en'], ['de;q=abc', 'de']
  ] as const) t.equal(pickLanguage(header), language, String(header))
})

t.test('a text names the subject as it is', async (t) => {
  const finding = { detection: 'app-malware-known', subject: 'com.$&.app', title: '', remediation: { user: '', admin: '' } }
  t.equal(userTextFor(finding, 'en').title, 'A dangerous app is installed (com.$&.app).')
  t.equal(userTextFor(finding, 'de').title, 'Eine gefährliche App ist installiert (com.$&.app).')
})

t.test('a finding of a detection that has gone keeps its own words', async (t) => {
  t.strictSame(userTextFor({ detection: 'gone', subject: 's', title: 'Title.', remediation: { user: 'Do this.', admin: '' } }, 'de'), { title: 'Title.', steps: ['Do this.'] })
})
