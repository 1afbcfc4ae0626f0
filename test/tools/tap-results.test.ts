import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'

// It runs before anything is compiled, so it is JavaScript.
const { findFailures } = await import(pathToFileURL(join(packageRoot, 'tools/tap-results.js')).href) as {
  findFailures (text: string): Array<{ readonly path: readonly string[], readonly lines: readonly string[] }>
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
