import type { Detection } from '../../detection.js'

/** Health of agent and management. */
export const MANAGEMENT_DETECTIONS: readonly Detection[] = []
