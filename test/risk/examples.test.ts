import t from 'tap'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import type { Detection } from '../../src/risk/detection.js'
import { EXAMPLE_NOW } from '../../src/risk/example.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { overlay } from '../../src/risk/policy/overlay.js'
import { assess } from '../../src/risk/assess.js'
import { judgeExample, readsOf } from './run-example.js'

const byId = new Map(DETECTIONS.map((detection) => [detection.id, detection]))

/** The detection with all that it is built from, parts first. */
function withParts (detection: Detection): Detection[] {
  return [...(detection.builtFrom ?? []).flatMap((id) => {
    const part = byId.get(id)
    if (part === undefined) throw new Error(`${detection.id} is built from ${id}, which there is not`)
    return withParts(part)
  }), detection]
}

for (const detection of DETECTIONS) {
  t.test(detection.id, async (t) => {
    t.ok(detection.examples.some(({ finds }) => finds !== 'unknown' && finds.length > 0), 'an example shows what it finds')
    t.ok(detection.examples.some(({ finds }) => finds !== 'unknown' && finds.length === 0), 'an example shows what it does not mean')
    t.equal(new Set(detection.examples.map(({ name }) => name)).size, detection.examples.length, 'examples have names of their own')
    for (const example of detection.examples) {
      t.ok(detection.platforms.includes(example.platform), `${example.name}: of a platform that it looks at`)
      const { faults, input } = judgeExample(example)
      t.strictSame(faults, [], `${example.name}: phones can report it`)
      const { findings, failures, undecided } = assess({ ...input, detections: [...new Set(withParts(detection))] })
      t.strictSame(failures, [], `${example.name}: nothing throws`)
      if (example.finds === 'unknown') {
        t.ok(undecided.includes(detection.id), `${example.name}: unknown`)
      } else {
        t.notOk(undecided.includes(detection.id), `${example.name}: decided`)
        const lines = findings.filter((finding) => finding.detection === detection.id).map(({ subject, severity }) => `${subject} ${severity}`)
        t.strictSame(lines.sort(), [...example.finds].sort(), example.name)
      }
      // A detection that is left alone while nothing that it names has changed must read nothing else.
      const parts = withParts(detection)
      const allowed = new Set(parts.flatMap(({ sections }) => sections))
      t.strictSame(readsOf(input, parts).filter((section) => !allowed.has(section)), [], `${example.name}: reads only what it names`)
    }
  })
}

t.test('composites come after what they are built from', async (t) => {
  const places = new Map(DETECTIONS.map(({ id }, index) => [id, index]))
  t.strictSame(DETECTIONS.filter(({ id, builtFrom = [] }) => builtFrom.some((part) => (places.get(part) ?? Infinity) > places.get(id)!)), [])
})

t.test('the built-in policy names only detections that there are', async (t) => {
  const named = [BUILT_IN_POLICY.severities, BUILT_IN_POLICY.eventLifetimes, BUILT_IN_POLICY.grace, BUILT_IN_POLICY.quiet].flatMap((table) => Object.keys(table))
  t.strictSame(named.filter((id) => !byId.has(id)), [])
  t.equal(overlay(BUILT_IN_POLICY, {}), BUILT_IN_POLICY, 'nothing laid over it leaves it as it is')
  t.ok(Date.parse(EXAMPLE_NOW) > 0)
})
