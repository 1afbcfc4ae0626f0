import { POLICY_TYPES, type PolicyType } from './graph-bodies.js'
import { groupOf, type Observed, type ObservedItem, type Row, typeOf } from './observed.js'
import { LIMITS, type Limit, managementOf, type SetupWish } from './wish.js'

export type ConflictKind =
  'two-vendors' | 'other-partner-toggles' | 'device-group' | 'group-missing' | 'group-unread' | 'stricter-policy' | 'app-uninstalled' | 'public-url'

/** Something in the tenant that would keep the setup from doing what it is for. */
export interface Conflict {
  readonly kind: ConflictKind
  /** True: nothing is applied unless the administrator says that it may be. */
  readonly blocking: boolean
  readonly text: string
  readonly remedy: string
}

/** Public ids of other vendors' connectors; Graph has no names for them. */
const VENDORS: Readonly<Record<string, string>> = {
  'fc780465-2017-40d4-a0c5-307022471b92': 'Microsoft Defender for Endpoint',
  '860d3ab4-8fd1-45f5-89cd-ecf51e4f92e5': 'Better Mobile',
  'd3ddeae8-441f-4681-b80f-aef644f7195a': 'Check Point',
  '8d0ed095-8191-4bd3-8a41-953b22d51ff7': 'Pradeo',
  '1f58d6d2-02cc-4c80-b008-1bfe7396a10a': 'Jamf Trust',
  'a447eca6-a986-4d3f-9838-5862bf50776c': 'CylancePROTECT',
  '4928f0f6-2660-4f69-b4c5-5170ec921f7b': 'Trend Micro',
  'bb13fe25-ce1f-45aa-b278-cabbc6b9072e': 'SentinelOne',
  'e6f777f8-e4c2-4a5b-be01-50b5c124bc7f': 'Windows Security Center',
  '29ee2d98-e795-475f-a0f8-0802dc3384a9': 'CrowdStrike',
  '870b252b-0ef0-4707-8847-50fc571472b3': 'Sophos',
  '2c7790de-8b02-4814-85cf-e0c59380dee8': 'Lookout',
  '28fd67fd-b179-4629-a8b0-dad420b697c7': 'Symantec',
  '08a8455c-48dd-45ff-ad82-7211355354f3': 'Zimperium'
}
const DEFENDER = 'fc780465-2017-40d4-a0c5-307022471b92'
const PLATFORM_NAMES = { android: 'Android', ios: 'iOS and iPadOS' } as const
type Platform = keyof typeof PLATFORM_NAMES

const platformsOf = (wish: SetupWish): Platform[] => (['android', 'ios'] as const).filter((platform) => wish[platform] !== undefined)
export const vendorOf = (id: unknown): string => VENDORS[String(id).toLowerCase()] ?? `another vendor (connector ${String(id)})`

/** All that stands in the way of a wish, the worst first. */
export function findConflicts (wish: SetupWish, observed: Observed, ours: { readonly connectorId: string, readonly isOurs: (item: ObservedItem) => boolean, readonly serverUrl: string }): Conflict[] {
  const found = [
    ...vendorConflicts(wish, observed.connectors, ours.connectorId),
    ...groupConflicts(wish, observed),
    ...policyConflicts(wish, observed, ours.isOurs),
    ...observed.apps.flatMap(uninstallConflicts),
    ...urlConflicts(ours.serverUrl)
  ]
  return [...found.filter(({ blocking }) => blocking), ...found.filter(({ blocking }) => !blocking)]
}

function vendorConflicts (wish: SetupWish, connectors: readonly Row[], ourId: string): Conflict[] {
  const others = connectors.filter(({ id }) => String(id).toLowerCase() !== ourId.toLowerCase())
  return platformsOf(wish).flatMap((platform) => others.flatMap((row): Conflict[] => {
    const name = vendorOf(row.id)
    const where = PLATFORM_NAMES[platform]
    const found: Conflict[] = []
    if (row[`${platform}Enabled`] === true) {
      // Intune asks for all vendors but Defender at once: one silent, and every phone is out.
      const isDefender = String(row.id).toLowerCase() === DEFENDER
      found.push({
        kind: 'two-vendors',
        blocking: !isDefender,
        text: `${name} is connected for ${where}, too.${isDefender ? ' Intune then takes the worse of both levels.' : ' With two vendors on a platform, a phone is compliant only if it runs both apps and both say so; all others are blocked.'}`,
        remedy: `Turn ${name} off for ${where} in Tenant administration > Connectors and tokens > Mobile Threat Defense${isDefender ? ', unless both are wanted' : ', then apply again'}.`
      })
    }
    if (wish.connector?.appProtection === true && row[`${platform}MobileApplicationManagementEnabled`] === true) {
      found.push({
        kind: 'other-partner-toggles',
        blocking: true,
        text: `${name} is connected for app protection policies on ${where}; only one partner a platform can be.`,
        remedy: `Turn ${name} off for app protection on ${where}, or leave out connector.appProtection.`
      })
    }
    return found
  }))
}

function groupConflicts (wish: SetupWish, { groups }: Observed): Conflict[] {
  return (wish.groups ?? []).flatMap((id): Conflict[] => {
    const group = groups.get(id.toLowerCase())
    const name = group?.displayName ?? id
    if (group === undefined || group.hasDevices === null) {
      return [{
        kind: 'group-unread', blocking: false, text: `Whether the group ${name} holds users or devices could not be read.`,
        remedy: 'Give our app GroupMember.Read.All, or make sure that it is a group of users: Intune does not apply the threat rule to device groups.'
      }]
    }
    if (!group.exists) return [{ kind: 'group-missing', blocking: true, text: `There is no group ${id} in the tenant.`, remedy: 'Compare the id with Entra admin centre > Groups (object id).' }]
    if (!group.hasDevices) return []
    return [{
      kind: 'device-group', blocking: true, text: `The group ${name} holds devices. The threat rule of a compliance policy works with groups of users only, and is silently not applied to devices.`,
      remedy: 'Name a group of the users whose phones they are.'
    }]
  })
}

const strictness = (level: unknown): number => LIMITS.indexOf(level as Limit)

function policyConflicts (wish: SetupWish, { policies, groups }: Observed, isOurs: (item: ObservedItem) => boolean): Conflict[] {
  return policies.filter((policy) => !isOurs(policy) && isWished(wish, policy.type)).flatMap((policy): Conflict[] => {
    const { platform } = POLICY_TYPES[policy.type as PolicyType]
    const limit = wish[platform]!.limit
    const theirs = policy.row.deviceThreatProtectionRequiredSecurityLevel
    const found: Conflict[] = []
    if (strictness(theirs) >= 0 && strictness(theirs) < strictness(limit)) {
      found.push({
        kind: 'stricter-policy', blocking: false,
        text: `The policy "${policy.displayName}" asks for ${String(theirs)} on ${PLATFORM_NAMES[platform]}. Where it and ours reach the same user, the stricter one wins: ${limit} is then not enough.`,
        remedy: `Loosen or remove the threat rule of "${policy.displayName}", or set our limit to ${String(theirs)}.`
      })
    }
    if (policy.assignments.some(({ target }) => typeOf(target) === 'allDevicesAssignmentTarget' || groups.get(groupOf(target) ?? '')?.hasDevices === true)) {
      found.push({
        kind: 'device-group', blocking: false,
        text: `The policy "${policy.displayName}" has a threat rule and is assigned to devices; Intune silently leaves its threat rule out there.`,
        remedy: `Assign "${policy.displayName}" to groups of users.`
      })
    }
    return found
  })
}

function isWished (wish: SetupWish, type: string): boolean {
  const known = POLICY_TYPES[type as PolicyType] as { readonly platform: Platform, readonly management: string | null } | undefined
  if (known === undefined || wish[known.platform] === undefined) return false
  return known.management === null || managementOf(wish).some((kind) => kind === known.management)
}

function uninstallConflicts ({ displayName, assignments }: ObservedItem): Conflict[] {
  return assignments.some(({ intent }) => intent === 'uninstall')
    ? [{ kind: 'app-uninstalled', blocking: false, text: `The app "${displayName}" is assigned for uninstallation to somebody; Intune then removes it from their phones.`, remedy: 'Take that assignment away where our policies apply.' }]
    : []
}

function urlConflicts (serverUrl: string): Conflict[] {
  return serverUrl.startsWith('https://')
    ? []
    : [{ kind: 'public-url', blocking: false, text: `Phones are told to find us at ${serverUrl}, which is not https.`, remedy: 'Set PUBLIC_URL to the https address of the API.' }]
}
