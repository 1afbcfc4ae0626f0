import type { Detection } from '../../detection.js'
import { mgmtAgentOutdated } from './mgmt-agent-outdated.js'
import { mgmtInventoryWithheld } from './mgmt-inventory-withheld.js'
import { mgmtPermissionMissing } from './mgmt-permission-missing.js'
import { mgmtPolicyStale } from './mgmt-policy-stale.js'
import { mgmtScanOverdue } from './mgmt-scan-overdue.js'
import { mgmtUnmanaged } from './mgmt-unmanaged.js'

/** Health of agent and management, as far as it is no reporting state. */
export const MANAGEMENT_DETECTIONS: readonly Detection[] = [
  mgmtUnmanaged,
  mgmtPermissionMissing,
  mgmtAgentOutdated,
  mgmtScanOverdue,
  mgmtPolicyStale,
  mgmtInventoryWithheld
]
