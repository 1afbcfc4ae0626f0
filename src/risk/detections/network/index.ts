import type { Detection } from '../../detection.js'
import { netC2Domain } from './net-c2-domain.js'
import { netTlsInterception } from './net-tls-interception.js'
import { netUserCa } from './net-user-ca.js'

/** Network and web. */
export const NETWORK_DETECTIONS: readonly Detection[] = [
  netTlsInterception,
  netC2Domain,
  netUserCa
]
