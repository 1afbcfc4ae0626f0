import { answerInThread } from '../../platform/thread.js'
import { buffersOf } from './index-parts.js'
import { readIndex } from './read-index.js'

await answerInThread(readIndex, ({ parts, vulnerabilities = [] }) => [...buffersOf(parts), ...vulnerabilities.map(({ buffer }) => buffer)])
