import type { DetectionContext } from '../detection.js'

let slots = 0

/**
 * Several detections ask the same question about one phone; the answer is worked out once an
 * assessment. Seen from outside it stays a pure function: a context never changes.
 */
export function oncePerContext<T> (compute: (context: DetectionContext) => T): (context: DetectionContext) => T {
  const slot = slots++
  return (context) => {
    const { answers } = context
    if (answers === undefined) return compute(context)
    return (answers[slot] ?? (answers[slot] = compute(context))) as T
  }
}

/** The answer of two things that never change, worked out once for as long as both exist. */
export function remembered<A extends object, B extends object, T> (answers: WeakMap<A, WeakMap<B, T>>, first: A, second: B, compute: () => T): T {
  let bySecond = answers.get(first)
  if (bySecond === undefined) answers.set(first, bySecond = new WeakMap())
  let answer = bySecond.get(second)
  if (answer === undefined) bySecond.set(second, answer = compute())
  return answer
}
