import type { Device, User } from './tenant.js'

/**
 * What `{{…}}` in an app configuration stands for on one phone. Letter case does not matter
 * (vendors write `{{AzureADDeviceId}}` and `{{aaddeviceid}}`).
 */
export function variablesOf (device: Device, user: User | undefined): Map<string, string> {
  const [partialUpn = '', domain = ''] = (user?.userPrincipalName ?? '').split('@')
  const ofDevice: Array<[string, string]> = [
    ['aaddeviceid', device.entraDeviceId],
    ['azureaddeviceid', device.entraDeviceId],
    ['deviceid', device.intuneDeviceId]
  ]
  const ofUser: Array<[string, string]> = user === undefined
    ? []
    : [
        ['userid', user.id],
        ['accountid', user.id],
        ['userprincipalname', user.userPrincipalName],
        ['mail', user.mail],
        ['partialupn', partialUpn],
        ['username', user.displayName]
      ]
  if (device.platform === 'android') return new Map([...ofDevice, ...ofUser, ...(user === undefined ? [] : [['domain', domain] as [string, string]])])
  return new Map([
    ...ofDevice,
    ...ofUser,
    ['serialnumber', device.serialNumber],
    ['serialnumberlast4digits', device.serialNumber.slice(-4)],
    ['issupervised', String(device.ownerType === 'company')],
    ...(user === undefined ? [] : [['onpremisessamaccountname', partialUpn] as [string, string]])
  ])
}

/** The text with its variables replaced; those nobody knows stay and are noted. */
export function replaceVariables (text: string, variables: ReadonlyMap<string, string>, unresolved: Set<string>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => {
    const value = variables.get(name.toLowerCase())
    if (value === undefined) unresolved.add(whole)
    return value ?? whole
  })
}
