import type { Detection } from '../detection.js'
import { APP_DETECTIONS } from './apps/index.js'
import { COMPOSITE_DETECTIONS } from './composites/index.js'
import { DEVICE_DETECTIONS } from './device/index.js'
import { MANAGEMENT_DETECTIONS } from './management/index.js'
import { NETWORK_DETECTIONS } from './network/index.js'
import { OS_DETECTIONS } from './os/index.js'

/** Every detection, by category, as the catalogue shows them. Composites come after what they are built from. */
export const DETECTIONS: readonly Detection[] = [
  ...APP_DETECTIONS,
  ...NETWORK_DETECTIONS,
  ...OS_DETECTIONS,
  ...DEVICE_DETECTIONS,
  ...MANAGEMENT_DETECTIONS,
  ...COMPOSITE_DETECTIONS
]
