import { appId, countOrText, type FieldMap, flag, MALFORMED, meaning, type Reader, text } from './field-map.js'
import { isObject, type JsonObject } from './json-value.js'

/** Results of MVT's modules that are read (https://docs.mvt.re), by the part of the phone that they tell of. */
export const MVT_PARTS = {
  packages: { files: ['packages.json', 'aqf_packages.json', 'dumpsys_packages.json'], goesTo: '`apps`; what several of them say of an app is put together' },
  properties: { files: ['getprop.json', 'aqf_getprop.json', 'dumpsys_getprop.json'], goesTo: '`os`, `hardware`, `config.encryption`, `properties`; the serial number' },
  settings: { files: ['settings.json', 'aqf_settings.json'], goesTo: '`config`, `network`' },
  processes: { files: ['processes.json', 'aqf_processes.json', 'datausage.json', 'net_datausage.json', 'netusage.json', 'os_analytics_ad_daily.json', 'osanalytics_addaily.json'], goesTo: '`processes`' },
  rootBinaries: { files: ['root_binaries.json'], goesTo: '`integrity.rootBinaries`' },
  files: { files: ['files.json', 'aqf_files.json'], goesTo: '`files`: path, SHA-256, and by its mode whether it can be run, at most 5,000' },
  selinux: { files: ['selinux_status.json'], goesTo: '`config.selinux`' },
  backup: { files: ['backup_info.json'], goesTo: '`os`, `hardware`, `apps`; the serial number, the time of collection' },
  applications: { files: ['applications.json'], goesTo: 'names, versions and origin of the apps in `backup_info.json`' },
  profiles: { files: ['configuration_profiles.json'], goesTo: '`profiles`' },
  visits: { files: ['safari_history.json', 'chrome_history.json', 'firefox_history.json'], goesTo: '`events`: `url-visit`, the newest 2,000' }
} as const satisfies Record<string, { readonly files: readonly string[], readonly goesTo: string }>
export type MvtPart = keyof typeof MVT_PARTS

/** The part that a file is. */
export const partOfFile: ReadonlyMap<string, MvtPart> = new Map<string, MvtPart>(Object.entries(MVT_PARTS).flatMap(([part, { files }]) => files.map((file) => [file, part as MvtPart])))
export const MVT_FILE_NAMES: ReadonlySet<string> = new Set(partOfFile.keys())
/** For the page that documents them. */
export const MVT_FILES = Object.values(MVT_PARTS).map(({ files, goesTo }) => ({ names: files, goesTo }))

const grantedPermissions: Reader = {
  says: 'the `name` of those with `granted`',
  wants: 'a list of permissions',
  read: (value) => Array.isArray(value)
    ? [...new Set(value.filter((one) => isObject(one) && one['granted'] === true).map((one) => (one as JsonObject)['name']).filter((name) => typeof name === 'string'))]
    : MALFORMED
}

/** The digest of the package itself among its files. */
const packageDigest = (kind: 'sha256' | 'sha1' | 'md5'): Reader => ({
  says: `\`${kind}\` of \`base.apk\`, or of the only file`,
  wants: 'a list of files',
  read: (value) => {
    if (!Array.isArray(value)) return MALFORMED
    const files = value.filter(isObject)
    const base = files.find(({ path }) => typeof path === 'string' && path.endsWith('/base.apk')) ?? (files.length === 1 ? files[0] : undefined)
    const digest = base?.[kind]
    // A tool that is missing on the phone leaves its complaint in place of the digest.
    return typeof digest === 'string' && /^[0-9a-f]+$/i.test(digest) ? digest.toLowerCase() : undefined
  }
})

const certificateDigests = (kind: 'Sha256' | 'Sha1' | 'Md5'): Reader => ({
  says: `\`certificate.${kind}\` of each`,
  wants: 'a list of files',
  read: (value) => {
    if (!Array.isArray(value)) return MALFORMED
    const found = value.map((file) => isObject(file) && isObject(file['certificate']) ? file['certificate'][kind] : undefined).filter((digest) => typeof digest === 'string' && digest !== '')
    return found.length === 0 ? undefined : [...new Set(found)]
  }
})

const payloadTypes: Reader = {
  says: 'the `PayloadType` of each',
  wants: 'a list of payloads',
  read: (value) => Array.isArray(value)
    ? [...new Set(value.map((payload) => isObject(payload) ? payload['PayloadType'] : undefined).filter((type) => typeof type === 'string'))]
    : MALFORMED
}

/** Both flags are false where the phone could not list them, so only a true one proves something. */
const provenFlag = (says: string, answer: boolean): Reader => meaning(says, flag, (value: boolean) => value ? answer : undefined)

/** Members of MVT's results. No installer is null there, which a reader never sees: see `withOrigin` in mvt.ts. */
export const MVT_MAP: FieldMap = {
  fields: [
    { from: 'selinux.status', to: 'config.selinux', reader: meaning('`enforcing`, `permissive`', text, (value: string) => ['enforcing', 'permissive'].includes(value) ? value : undefined) }
  ],
  lists: [
    {
      from: 'packages',
      to: 'apps',
      needs: 'appId',
      fields: [
        { from: 'package_name', to: 'appId', reader: appId },
        { from: 'name', to: 'appId', reader: appId },
        { from: 'version_name', to: 'version', reader: text },
        { from: 'version_code', to: 'versionCode', reader: meaning('its first word', countOrText, (value: string | number) => typeof value === 'number' ? value : value.split(' ')[0]) },
        { from: 'installer', to: 'installer', reader: text },
        { from: 'system', to: 'system', reader: provenFlag('`true`; else unknown', true) },
        { from: 'third_party', to: 'system', reader: provenFlag('`true` → `false`; else unknown', false) },
        { from: 'disabled', to: 'enabled', reader: meaning('the opposite', flag, (value: boolean) => !value) },
        { from: 'permissions', to: 'permissions', reader: grantedPermissions },
        { from: 'files', to: 'sha256', reader: packageDigest('sha256') },
        { from: 'files', to: 'sha1', reader: packageDigest('sha1') },
        { from: 'files', to: 'md5', reader: packageDigest('md5') },
        { from: 'files', to: 'signingCertSha256', reader: certificateDigests('Sha256') },
        { from: 'files', to: 'signingCertSha1', reader: certificateDigests('Sha1') },
        { from: 'files', to: 'signingCertMd5', reader: certificateDigests('Md5') }
      ]
    },
    {
      from: 'applications',
      to: 'apps',
      needs: 'appId',
      fields: [
        { from: 'softwareVersionBundleId', to: 'appId', reader: appId },
        { from: 'name', to: 'appId', reader: appId },
        { from: 'itemName', to: 'name', reader: text },
        { from: 'bundleShortVersionString', to: 'version', reader: text },
        { from: 'sourceApp', to: 'fromAppStore', reader: meaning('an App Store of Apple\'s → `true`; else unknown', text, (value: string) => value.startsWith('com.apple.AppStore') ? true : undefined) },
        { from: 'is-beta', to: 'beta', reader: flag }
      ]
    },
    {
      from: 'profiles',
      to: 'profiles',
      fields: [
        { from: 'plist.PayloadUUID', to: 'uuid', reader: text },
        { from: 'plist.PayloadIdentifier', to: 'identifier', reader: text },
        { from: 'plist.PayloadDisplayName', to: 'displayName', reader: text },
        { from: 'plist.PayloadOrganization', to: 'organization', reader: text },
        { from: 'plist.PayloadRemovalDisallowed', to: 'removalDisallowed', reader: flag },
        { from: 'plist.PayloadContent', to: 'payloadTypes', reader: payloadTypes }
      ]
    }
  ],
  unused: [
    ['dumpsys_accessibility.json', 'on older phones it lists the services that are installed, on newer ones those that are enabled'],
    ['first_install_time, last_update_time', 'local times of the phone without their zone'],
    ['timeline.csv, alerts.json, *_detected.json', 'the judgement of another tool'],
    ['sms.json, whatsapp.json, calls.json, contacts.json', 'private, and no detection rests on them']
  ]
}
