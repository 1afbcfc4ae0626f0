// Several test files in one process, each as a test of its own, one after the other.
import { pathToFileURL } from 'node:url'
import t from 'tap'

/** What a file has, like one that runs by itself (`timeout` in package.json). */
const FILE_TIMEOUT_MS = 240_000

/**
 * What a file says to tap's root, `test` and `setTimeout`, goes to the test that stands for it.
 * @param {string[]} files compiled test files, from the root of the package
 */
export function runTogether (files) {
  const root = t
  const test = t.test.bind(t)
  root.setTimeout(files.length * FILE_TIMEOUT_MS)
  for (const file of files) {
    test(file, { timeout: FILE_TIMEOUT_MS }, async (t) => {
      root.test = t.test.bind(t)
      root.setTimeout = t.setTimeout.bind(t)
      await import(pathToFileURL(file).href)
    })
  }
}
