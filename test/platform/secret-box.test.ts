import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSecretBox } from '../../src/platform/secret-box.js'

const newKey = (): string => randomBytes(32).toString('base64')

t.test('a secret opens under its key, for what it belongs to', async (t) => {
  const box = createSecretBox(newKey())
  for (const text of ['', 'hunter2', 'päß ✓', 'x'.repeat(10_000)]) t.equal(box.open(box.seal(text, 'a'), 'a'), text)
  t.notSame(box.seal('hunter2', 'a'), box.seal('hunter2', 'a'), 'never the same twice')
  t.notOk(box.seal('hunter2', 'a').includes('hunter2'))
  t.throws(() => box.open(box.seal('hunter2', 'a'), 'b'), /SECRETS_KEY/)
  t.throws(() => createSecretBox(newKey()).open(box.seal('hunter2', 'a'), 'a'), /SECRETS_KEY/)
})

t.test('a box that was changed or cut does not open', async (t) => {
  const box = createSecretBox(newKey())
  const sealed = box.seal('hunter2', 'a')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    t.throws(() => box.open(changed, 'a'), `byte ${at}`)
    t.throws(() => box.open(sealed.subarray(0, at), 'a'), `cut at ${at}`)
  }
})

t.test('after a change of key both open, and the first one seals', async (t) => {
  const [old, young] = [newKey(), newKey()]
  const both = createSecretBox(`${young},${old}`)
  t.equal(both.open(createSecretBox(old).seal('hunter2', 'a'), 'a'), 'hunter2')
  t.equal(createSecretBox(young).open(both.seal('hunter2', 'a'), 'a'), 'hunter2')
  t.throws(() => createSecretBox('c2hvcnQ='))
})
