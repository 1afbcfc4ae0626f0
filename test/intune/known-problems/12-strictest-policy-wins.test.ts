import { randomUUID } from 'node:crypto'
import t from 'tap'
import { findConflicts } from '../../../src/onboarding/setup/conflicts.js'
import type { ObservedItem } from '../../../src/onboarding/setup/observed.js'
import { LIMITS, type SetupWish } from '../../../src/onboarding/setup/wish.js'

const WISH: SetupWish = { ios: { bundleId: 'com.example.x', storeUrl: 'https://apps.apple.com/app/id1', limit: 'low' }, android: { packageId: 'com.example.x', limit: 'low' } }

const policy = (type: string, limit: string): ObservedItem => ({ id: randomUUID(), type, displayName: 'Theirs', description: '', row: { deviceThreatProtectionRequiredSecurityLevel: limit }, assignments: [] })
const conflictsOf = (wish: SetupWish, policies: readonly ObservedItem[], isOurs = (_item: ObservedItem) => false) =>
  findConflicts(wish, { policies, connectors: [], apps: [], configs: [], groups: new Map() }, { connectorId: randomUUID(), isOurs, serverUrl: 'https://mtd.example' })

t.test('another policy is told when it is stricter than ours, and only then', async (t) => {
  for (const ours of LIMITS) {
    for (const theirs of [...LIMITS, 'unavailable', 'notSet']) {
      const stricter = (LIMITS as readonly string[]).includes(theirs) && LIMITS.indexOf(theirs as typeof ours) < LIMITS.indexOf(ours)
      const found = conflictsOf({ ios: { ...WISH.ios!, limit: ours } }, [policy('iosCompliancePolicy', theirs)])
      t.strictSame(found.map(({ kind, blocking }) => `${kind} ${blocking}`), stricter ? ['stricter-policy false'] : [], `${theirs} beside ${ours}`)
      if (stricter) t.match(found[0], { text: `"Theirs" asks for ${theirs}`, remedy: theirs })
    }
  }
})

t.test('it counts for phones of the same kind only, and our own never', async (t) => {
  t.strictSame(conflictsOf({ android: WISH.android! }, [policy('iosCompliancePolicy', 'secured')]), [])
  t.strictSame(conflictsOf({ android: WISH.android! }, [policy('androidCompliancePolicy', 'secured')]), [], 'device administrator is not wished')
  t.equal(conflictsOf({ android: WISH.android! }, [policy('androidDeviceOwnerCompliancePolicy', 'secured')]).length, 1)
  t.strictSame(conflictsOf(WISH, [policy('macOSCompliancePolicy', 'secured')]), [])
  t.strictSame(conflictsOf(WISH, [policy('iosCompliancePolicy', 'secured')], () => true), [])
})
