import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/platform/package-root.js'
import { GENERATED_PARTS, insertPart } from '../tools/docs.js'

for (const part of GENERATED_PARTS) {
  t.test(`${part.page} shows the ${part.marker} that the code has (npm run docs)`, async (t) => {
    const text = readFileSync(join(packageRoot, part.page), 'utf8')
    t.equal(text, insertPart(text, part))
  })
}
