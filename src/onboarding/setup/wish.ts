import { Type, type Static } from 'typebox'
import { type FieldFault, InvalidInputError } from '../../errors.js'

const strict = { additionalProperties: false } as const
const Guid = Type.String({ format: 'uuid' })

/** Graph `deviceThreatProtectionLevel`, the members that are a limit: the phone may be at worst so. */
export const LIMITS = ['secured', 'low', 'medium', 'high'] as const
export type Limit = typeof LIMITS[number]
export const MANAGEMENT = ['workProfile', 'deviceOwner', 'deviceAdministrator'] as const
export type AndroidManagement = typeof MANAGEMENT[number]

const LimitSchema = Type.Enum([...LIMITS], { description: 'The worst level with which a phone is compliant.' })

/** What an administrator wants Intune to be set up like. */
export const SetupWishSchema = Type.Object({
  android: Type.Optional(Type.Object({
    packageId: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]*(\\.[A-Za-z][A-Za-z0-9_]*)+$', maxLength: 255, description: 'Package name of the agent app.' }),
    limit: LimitSchema,
    app: Type.Optional(Type.Enum(['managed', 'store'], { description: 'From managed Google Play (Android Enterprise; the default), or a link to the public store (device administrator).' })),
    management: Type.Optional(Type.Array(Type.Enum([...MANAGEMENT]), { minItems: 1, maxItems: 3, uniqueItems: true, description: 'How the phones are managed; each kind has a compliance policy of its own. Default: workProfile and deviceOwner.' }))
  }, strict)),
  ios: Type.Optional(Type.Object({
    bundleId: Type.String({ pattern: '^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$', maxLength: 255, description: 'Bundle id of the agent app.' }),
    storeUrl: Type.String({ pattern: '^https://(apps|itunes)\\.apple\\.com/[!-~]+$', maxLength: 500, description: 'Its page in the App Store.' }),
    limit: LimitSchema
  }, strict)),
  groups: Type.Optional(Type.Array(Guid, { maxItems: 100, uniqueItems: true, description: 'Entra groups of users that get the app and the policies; none: all users with a licence.' })),
  intent: Type.Optional(Type.Enum(['required', 'available'], { description: 'Whether the app is installed or offered. Default: required.' })),
  connector: Type.Optional(Type.Object({
    appProtection: Type.Optional(Type.Boolean({ description: 'Also use our levels in app protection policies (phones that are not enrolled).' })),
    appSync: Type.Optional(Type.Boolean({ description: 'Intune may give us the list of apps of iPhones.' })),
    personalAppSync: Type.Optional(Type.Boolean({ description: 'Also the whole list of personally owned iPhones.' })),
    blockUnsupportedOs: Type.Optional(Type.Boolean()),
    blockOnMissingData: Type.Optional(Type.Boolean({ description: 'A phone of which we never told anything is not compliant.' })),
    unresponsiveDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 90, description: 'Days of silence after which Intune ignores us.' }))
  }, strict))
}, strict)
export type SetupWish = Static<typeof SetupWishSchema>

/** The kinds of management a wish is about. */
export const managementOf = (wish: SetupWish): readonly AndroidManagement[] => wish.android === undefined ? [] : wish.android.management ?? ['workProfile', 'deviceOwner']

/** What no schema can say. @throws InvalidInputError naming every fault */
export function checkWish (wish: SetupWish): void {
  const faults: FieldFault[] = []
  if (wish.android === undefined && wish.ios === undefined) faults.push({ path: '/android', message: 'android or ios must be there, or both' })
  if (wish.android?.app === 'store' && managementOf(wish).some((kind) => kind !== 'deviceAdministrator')) {
    faults.push({ path: '/android/app', message: 'a link to the public store reaches phones under device administrator only; work profiles and owned devices need managed' })
  }
  if (wish.connector?.personalAppSync === true && wish.connector.appSync !== true) faults.push({ path: '/connector/personalAppSync', message: 'needs appSync' })
  if (faults.length > 0) throw new InvalidInputError(faults, 'The setup')
}
