import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'

// It runs before anything is compiled, so it is JavaScript.
const { findFailures, splitGroup } = await import(pathToFileURL(join(packageRoot, 'tools/tap-results.js')).href) as {
  findFailures (text: string): Array<{ readonly path: readonly string[], readonly lines: readonly string[] }>
  splitGroup (group: string, text: string): Array<{ readonly file: string, readonly seconds: number, readonly text: string }>
}

const RESULT = `# Subtest: one
    ok 1 - should be equal
    1..1
ok 1 - one # time=1ms

# Subtest: two
    # Subtest: inner
        not ok 1 - should be equal
          ---
          diff: |
            -1
            +2
          ...
        ok 2 - should be equal
        not ok 3 - should match
        1..3
    not ok 1 - inner # time=2ms
      ---
      at: a place
      ...
    1..1
not ok 2 - two # time=3ms
  ---
  at: a place
  ...

# Subtest: three
    not ok 1 - timeout!
      ---
      expired: three
      ...
    1..1
not ok 3 - three # time=4ms
`

t.test('what failed is told once, by the tests it stands in, with what is said of it', async (t) => {
  t.strictSame(findFailures(RESULT), [
    { path: ['two', 'inner', 'should be equal'], lines: ['          ---', '          diff: |', '            -1', '            +2', '          ...'] },
    { path: ['two', 'inner', 'should match'], lines: [] },
    { path: ['three', 'timeout!'], lines: ['      ---', '      expired: three', '      ...'] }
  ])
  t.strictSame(findFailures('ok 1 - all is well\n1..1\n'), [])
})

t.test('files that share a process are told apart, and what ended the process has a place of its own', async (t) => {
  const good = `# Subtest: dist/test/a.test.js
    # Subtest: one
        ok 1 - should be equal
        1..1
    ok 1 - one # time=1ms
    1..1
ok 1 - dist/test/a.test.js # time=1500ms
`
  const bad = `# Subtest: dist/test/b.test.js
    # Subtest: one
        not ok 1 - should match
          ---
          at: a place
          ...
        1..1
    not ok 1 - one # time=2ms
    1..1
not ok 2 - dist/test/b.test.js # time=500ms
  ---
  at: the tool
  ...
`
  const cut = `# Subtest: dist/test/c.test.js
    # Subtest: one
        ok 1 - should be equal
`
  const told = splitGroup('group', good + bad + cut + 'not ok 4 - ended by a signal\n')
  t.strictSame(told.map(({ file, seconds }) => ({ file, seconds })), [
    { file: 'dist/test/a.test.js', seconds: 1.5 },
    { file: 'dist/test/b.test.js', seconds: 0.5 },
    { file: 'dist/test/c.test.js', seconds: 0 },
    { file: 'group', seconds: 0 }
  ])
  t.strictSame(told.map(({ text }) => findFailures(text).map(({ path }) => path)), [[], [['one', 'should match']], [], [['ended by a signal']]])
  t.strictSame(splitGroup('group', good + bad).map(({ file }) => file), ['dist/test/a.test.js', 'dist/test/b.test.js'])
  t.strictSame(splitGroup('group', 'not ok 1 - timeout!\n').map(({ file }) => file), ['group'])
})
