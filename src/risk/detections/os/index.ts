import type { Detection } from '../../detection.js'
import { osAboveMaximum } from './os-above-maximum.js'
import { osActiveExploit } from './os-active-exploit.js'
import { osBeta } from './os-beta.js'
import { osCveCritical } from './os-cve-critical.js'
import { osCveKev } from './os-cve-kev.js'
import { osDowngraded } from './os-downgraded.js'
import { osEndOfLife } from './os-end-of-life.js'
import { osExploitTrace } from './os-exploit-trace.js'
import { osLockdownOffVip } from './os-lockdown-off-vip.js'
import { osOutdated } from './os-outdated.js'
import { osOutdatedNoFix } from './os-outdated-no-fix.js'
import { OS_PATCH_AGE } from './os-patch-age.js'
import { osPatchUnknown } from './os-patch-unknown.js'
import { osRapidResponseMissing } from './os-rapid-response-missing.js'
import { osUnknownBuild } from './os-unknown-build.js'
import { osUnsupportedModel } from './os-unsupported-model.js'
import { osUpdateBlocked } from './os-update-blocked.js'
import { osUpdatePending } from './os-update-pending.js'

/** The operating system (catalogue, section 3). */
export const OS_DETECTIONS: readonly Detection[] = [
  osActiveExploit,
  osExploitTrace,
  osCveKev,
  osCveCritical,
  osEndOfLife,
  osOutdated,
  osOutdatedNoFix,
  osAboveMaximum,
  osBeta,
  ...OS_PATCH_AGE,
  osPatchUnknown,
  osUpdatePending,
  osRapidResponseMissing,
  osUpdateBlocked,
  osUnknownBuild,
  osDowngraded,
  osUnsupportedModel,
  osLockdownOffVip
]
