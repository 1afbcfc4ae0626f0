import type { Detection } from '../../detection.js'

/** Made of what others found; judged last. */
export const COMPOSITE_DETECTIONS: readonly Detection[] = []
