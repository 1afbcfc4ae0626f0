import type { Detection } from '../../detection.js'
import { osCveKev } from './os-cve-kev.js'
import { osPatch180d } from './os-patch-180d.js'

/** The operating system. */
export const OS_DETECTIONS: readonly Detection[] = [
  osCveKev,
  osPatch180d
]
