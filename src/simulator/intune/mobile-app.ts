import { type AssignmentTarget, reach } from './assignment.js'
import { badRequest } from './graph-errors.js'
import { replaceVariables, variablesOf } from './app-variables.js'
import type { Device, Tenant } from './tenant.js'

/** A Graph `mobileApp`: what was written of it, under Graph's names. */
export interface MobileApp {
  readonly id: string
  readonly type: string
  readonly properties: Record<string, unknown>
  readonly createdAtMs: number
  modifiedAtMs: number
  assignments: Array<{ readonly intent: string, readonly target: AssignmentTarget, readonly settings: Record<string, unknown> | null }>
}

/** A Graph `managedDeviceMobileAppConfiguration`. */
export interface AppConfiguration {
  readonly id: string
  readonly type: string
  properties: Record<string, unknown>
  version: number
  readonly createdAtMs: number
  modifiedAtMs: number
  assignments: AssignmentTarget[]
}

type Value = string | number | boolean | readonly string[]

/** What the metadata cannot say of a configuration. @throws GraphError */
export function checkConfiguration (type: string, properties: Readonly<Record<string, unknown>>, apps: readonly MobileApp[]): void {
  if (apps.length === 0) throw badRequest("The property 'targetedMobileApps' must name at least one app.")
  const isAndroid = type === 'androidManagedStoreAppConfiguration'
  const fitting = isAndroid ? 'androidManagedStoreApp' : 'iosStoreApp'
  const wrong = apps.find((app) => app.type !== fitting)
  if (wrong !== undefined) throw badRequest(`The targeted mobile app '${wrong.id}' of the type '${wrong.type}' cannot be configured by '${type}'.`)
  if (isAndroid) {
    const packageId = bare(properties.packageId)
    if (apps.some((app) => bare(app.properties.packageId) !== packageId)) throw badRequest(`The packageId '${packageId}' is not the one of the targeted mobile app.`)
    if (typeof properties.payloadJson === 'string') readManagedProperties(properties.payloadJson, packageId)
    return
  }
  const settings = (properties.settings ?? []) as Array<Record<string, string>>
  if (settings.length > 0 && typeof properties.encodedSettingXml === 'string') throw badRequest("Only one of 'settings' and 'encodedSettingXml' can be set.")
  const keys = settings.map(({ appConfigKey }) => appConfigKey)
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined) throw badRequest(`The key '${twice}' is there twice in 'settings'.`)
  for (const { appConfigKey, appConfigKeyType, appConfigKeyValue } of settings) {
    if (!VALUES[appConfigKeyType!]!(appConfigKeyValue!)) throw badRequest(`The value of the key '${appConfigKey!}' is not of the type '${appConfigKeyType!}'.`)
  }
}

const VALUES: Readonly<Record<string, (text: string) => boolean>> = {
  stringType: () => true,
  integerType: (text) => /^-?\d+$/.test(text),
  realType: (text) => /^-?\d+(?:\.\d+)?$/.test(text),
  booleanType: (text) => /^(?:true|false)$/i.test(text),
  // That variables belong to this type is inferred.
  tokenType: (text) => /\{\{\w+\}\}/.test(text)
}

/** The name of a package with or without Google's `app:` before it. */
const bare = (packageId: unknown): string => String(packageId).replace(/^app:/, '')

/** Google's managed configuration inside `payloadJson`; that Graph looks into it is inferred. @throws GraphError */
function readManagedProperties (payloadJson: string, packageId: string): Array<[string, Value]> {
  const fail = (why: string): never => { throw badRequest(`The property 'payloadJson' ${why}.`) }
  let payload: { kind?: unknown, productId?: unknown, managedProperty?: unknown }
  try {
    payload = JSON.parse(Buffer.from(payloadJson, 'base64').toString('utf8'))
  } catch {
    return fail('is not JSON in base64')
  }
  if (typeof payload !== 'object' || payload === null || payload.kind !== 'androidenterprise#managedConfiguration') return fail("must be a managed configuration of the kind 'androidenterprise#managedConfiguration'")
  if (bare(payload.productId) !== packageId) return fail(`is for the product '${String(payload.productId)}'`)
  if (!Array.isArray(payload.managedProperty)) return fail("has no list 'managedProperty'")
  return payload.managedProperty.map((property: Record<string, unknown>): [string, Value] => {
    const values = Object.keys(property).filter((name) => name !== 'key')
    const value = property[values[0] ?? '']
    if (typeof property.key !== 'string' || values.length !== 1 || !MANAGED_VALUES[values[0]!]?.(value)) return fail('has a managedProperty that is no key with one value of its type')
    return [property.key, value as Value]
  })
}

const MANAGED_VALUES: Readonly<Record<string, ((value: unknown) => boolean) | undefined>> = {
  valueString: (value) => typeof value === 'string',
  valueBool: (value) => typeof value === 'boolean',
  valueInteger: (value) => Number.isInteger(value),
  valueStringArray: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** What one phone is given for one app. */
export interface ReceivedConfiguration {
  readonly appId: string
  /** `required`, `available`, …: how the app comes onto the phone; null: it is not assigned to it. */
  readonly intent: string | null
  readonly configurationIds: readonly string[]
  /** Variables replaced by what they stand for on this phone. */
  readonly values: Readonly<Record<string, Value>>
  /** Variables nobody knows, left as they were written. */
  readonly unresolved: readonly string[]
  /** Keys that two configurations say differently: in reality neither is then delivered. */
  readonly conflicts: readonly string[]
  /** A property list that was written whole instead of keys; null: none. */
  readonly xml: string | null
}

const PLATFORM_OF: Readonly<Record<string, (device: Device) => boolean>> = {
  iosStoreApp: ({ platform }) => platform === 'ios' || platform === 'ipados',
  androidStoreApp: ({ platform, androidManagement }) => platform === 'android' && androidManagement === 'deviceAdministrator',
  androidManagedStoreApp: ({ platform, androidManagement }) => platform === 'android' && androidManagement !== 'deviceAdministrator'
}

/** The apps a phone gets and their configuration as it arrives there. */
export function receivedBy (tenant: Tenant, device: Device): ReceivedConfiguration[] {
  if (!device.mdmEnrolled) return []
  const variables = variablesOf(device, tenant.users.get(device.userId))
  return [...tenant.apps.values()].filter(({ type }) => PLATFORM_OF[type]?.(device) === true).flatMap((app) => {
    const configurations = [...tenant.appConfigurations.values()].filter((configuration) =>
      ((configuration.properties.targetedMobileApps ?? []) as string[]).some((id) => id.toLowerCase() === app.id) &&
      appliesTo(configuration, device) && reach(configuration.assignments, tenant, device) !== 'none')
    const intent = app.assignments.find(({ target }) => reach([target], tenant, device) !== 'none' && target.kind !== 'exclusionGroupAssignmentTarget' &&
      reach(app.assignments.map((assignment) => assignment.target), tenant, device) !== 'none')?.intent ?? null
    return intent === null && configurations.length === 0 ? [] : [receive(app, intent, configurations, variables)]
  })
}

function appliesTo ({ properties }: AppConfiguration, { androidManagement }: Device): boolean {
  const { profileApplicability = 'default' } = properties
  return profileApplicability === 'default' || (profileApplicability === 'androidWorkProfile') === (androidManagement === 'workProfile')
}

function receive (app: MobileApp, intent: string | null, configurations: readonly AppConfiguration[], variables: ReadonlyMap<string, string>): ReceivedConfiguration {
  const values = new Map<string, Value>()
  const [unresolved, conflicts] = [new Set<string>(), new Set<string>()]
  let xml: string | null = null
  for (const { properties } of configurations) {
    if (typeof properties.encodedSettingXml === 'string') {
      xml = replaceVariables(Buffer.from(properties.encodedSettingXml, 'base64').toString('utf8'), variables, unresolved)
    }
    for (const [key, value] of writtenValues(app, properties)) {
      const received = typeof value === 'string' ? replaceVariables(value, variables, unresolved) : value
      if (values.has(key) && JSON.stringify(values.get(key)) !== JSON.stringify(received)) conflicts.add(key)
      values.set(key, received)
    }
  }
  for (const key of conflicts) values.delete(key)
  return {
    appId: String(app.properties.bundleId ?? app.properties.packageId),
    intent,
    configurationIds: configurations.map(({ id }) => id),
    values: Object.fromEntries(values),
    unresolved: [...unresolved],
    conflicts: [...conflicts],
    xml
  }
}

function writtenValues (app: MobileApp, properties: Readonly<Record<string, unknown>>): Array<[string, Value]> {
  if (typeof properties.payloadJson === 'string') return readManagedProperties(properties.payloadJson, bare(app.properties.packageId))
  return ((properties.settings ?? []) as Array<Record<string, string>>).map(({ appConfigKey, appConfigKeyType, appConfigKeyValue }) => [
    appConfigKey!,
    appConfigKeyType === 'integerType' || appConfigKeyType === 'realType' ? Number(appConfigKeyValue) : appConfigKeyType === 'booleanType' ? /^true$/i.test(appConfigKeyValue!) : appConfigKeyValue!
  ])
}
