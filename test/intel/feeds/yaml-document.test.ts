import t from 'tap'
import { parseYaml } from '../../../src/intel/feeds/yaml-document.js'

t.test('a file nested thousands deep is refused, however it is written, and the process lives', async (t) => {
  const deep: Record<string, string> = {
    lists: '['.repeat(100_000), objects: '{a: '.repeat(20_000), dashes: '- '.repeat(50_000), questions: '? '.repeat(50_000),
    indented: Array.from({ length: 3_000 }, (_one, level) => `${' '.repeat(level)}a:`).join('\n')
  }
  for (const [name, text] of Object.entries(deep)) t.throws(() => parseYaml(text), { code: 'validation' }, name)
})

t.test('a file as deep as any feed has reason to be is read', async (t) => {
  t.strictSame(parseYaml(`${'['.repeat(60)}1${']'.repeat(60)}`), JSON.parse(`${'['.repeat(60)}1${']'.repeat(60)}`))
  t.strictSame(parseYaml('- a: [1, {b: 2}]\n  c:\n    - d: x\n'), [{ a: [1, { b: 2 }], c: [{ d: 'x' }] }])
})

t.test('a file with more entries than can be read in a moment is refused soon', async (t) => {
  const startedAt = performance.now()
  t.throws(() => parseYaml(`[${'0,'.repeat(1_200_000)}0]`), { code: 'UNPROCESSABLE' })
  t.ok(performance.now() - startedAt < 5_000)
  t.equal((parseYaml(`[${'0,'.repeat(20_000)}0]`) as unknown[]).length, 20_001)
})
