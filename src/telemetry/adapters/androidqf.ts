import { InvalidInputError } from '../../errors.js'
import type { App } from '../report.js'
import { parseGetprop, parseProcesses, parseSettings } from './android-text.js'
import type { ReportSections } from './report-sections.js'

/** The files of an AndroidQF folder that are read, as text. Any may be missing. */
export interface AndroidQfFiles {
  /** packages.json */
  readonly packages?: string
  /** root_binaries.json */
  readonly rootBinaries?: string
  /** getprop.txt */
  readonly getprop?: string
  /** settings_system.txt, settings_secure.txt, settings_global.txt */
  readonly settings?: readonly string[]
  /** ps.txt or processes.txt */
  readonly processes?: string
}

type JsonObject = Readonly<Record<string, unknown>>
type FileEntry = NonNullable<ReportSections['files']>[number]

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string | undefined => typeof value === 'string' && value !== '' ? value : undefined
const unique = (values: ReadonlyArray<string | undefined>): string[] => [...new Set(values.filter((value) => value !== undefined))]

/** Leaves out what is unknown, so that it stays unknown. */
function known<T extends object> (fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function section<K extends string, T extends object> (name: K, fields: T): { [P in K]?: T } {
  return (Object.keys(fields).length === 0 ? {} : { [name]: fields }) as { [P in K]?: T }
}

function parseList (text: string, file: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InvalidInputError([{ path: file, message: `is not JSON: ${(error as Error).message}` }], 'The AndroidQF folder')
  }
  // Go writes an empty list as null.
  if (value === null) return []
  if (!Array.isArray(value)) throw new InvalidInputError([{ path: file, message: 'must be a list' }], 'The AndroidQF folder')
  return value
}

/** `"null"`: Android knows of no installer. Empty: this phone cannot tell, so it is unknown. */
function installerOf (value: unknown): string | null | undefined {
  return value === 'null' ? null : textOf(value)
}

/** Both flags are false where the phone could not list them, so only a true one proves something. */
function systemFlagOf (entry: JsonObject): boolean | undefined {
  if (entry['system'] === true) return true
  return entry['third_party'] === true ? false : undefined
}

function toApp (entry: JsonObject, files: readonly JsonObject[]): App | undefined {
  const appId = textOf(entry['name'])
  if (appId === undefined) return undefined
  const base = baseOf(files)
  const certificates = files.map((file) => file['certificate']).filter(isObject)
  const fingerprints = (field: 'Sha256' | 'Sha1' | 'Md5'): string[] | undefined => {
    const found = unique(certificates.map((certificate) => textOf(certificate[field])))
    return found.length === 0 ? undefined : found
  }
  return {
    appId,
    ...known({
      installer: installerOf(entry['installer']),
      system: systemFlagOf(entry),
      enabled: typeof entry['disabled'] === 'boolean' ? !entry['disabled'] : undefined,
      sha256: textOf(base?.['sha256']),
      sha1: textOf(base?.['sha1']),
      md5: textOf(base?.['md5']),
      signingCertSha256: fingerprints('Sha256'),
      signingCertSha1: fingerprints('Sha1'),
      signingCertMd5: fingerprints('Md5')
    })
  }
}

/** The package itself; the other files of a package are splits of it (languages, screen sizes). */
function baseOf (files: readonly JsonObject[]): JsonObject | undefined {
  return files.find((file) => textOf(file['path'])?.endsWith('/base.apk') === true) ?? files[0]
}

function readPackages (text: string): Pick<ReportSections, 'apps' | 'files'> {
  const items: App[] = []
  const splits: FileEntry[] = []
  for (const entry of parseList(text, 'packages.json').filter(isObject)) {
    const files = Array.isArray(entry['files']) ? entry['files'].filter(isObject) : []
    const app = toApp(entry, files)
    if (app === undefined) continue
    items.push(app)
    const base = baseOf(files)
    for (const file of files) {
      if (file !== base) splits.push(known({ path: textOf(file['path']), sha256: textOf(file['sha256']) }))
    }
  }
  return { apps: { mode: 'snapshot', items }, ...(splits.length === 0 ? {} : { files: splits }) }
}

/** `which -a` answers with one path a line, and AndroidQF keeps each answer whole. */
function readRootBinaries (text: string): Pick<ReportSections, 'integrity'> {
  const paths = parseList(text, 'root_binaries.json').filter((value) => typeof value === 'string')
    .flatMap((answer) => answer.split(/\r?\n/)).map((path) => path.trim())
  return { integrity: { rootBinaries: unique(paths.filter((path) => path.startsWith('/'))) } }
}

const ENCRYPTION = { encrypted: 'active', unencrypted: 'inactive', unsupported: 'unsupported' } as const
const BOOT_STATES = ['green', 'yellow', 'orange', 'red'] as const

/** What the system's properties say, whoever listed them. */
export function sectionsOfProperties (properties: Readonly<Record<string, string>>): ReportSections {
  const get = (name: string): string | undefined => textOf(properties[name])
  const flag = (name: string): boolean | undefined => ({ 0: false, 1: true } as Record<string, boolean>)[properties[name] ?? '']
  const apiLevel = Number(get('ro.build.version.sdk'))
  const tags = get('ro.build.tags')
  const selinux = get('ro.boot.selinux')
  return {
    ...section('os', known({
      version: get('ro.build.version.release'),
      build: get('ro.build.id'),
      apiLevel: Number.isInteger(apiLevel) && apiLevel > 0 ? apiLevel : undefined,
      securityPatchLevel: get('ro.build.version.security_patch'),
      bootloaderLocked: flag('ro.boot.flash.locked'),
      verifiedBootState: BOOT_STATES.find((state) => state === get('ro.boot.verifiedbootstate')),
      testKeys: tags === undefined ? undefined : tags.split(',').includes('test-keys')
    })),
    ...section('hardware', known({
      manufacturer: get('ro.product.manufacturer'),
      model: get('ro.product.model'),
      emulator: flag('ro.kernel.qemu') ?? flag('ro.boot.qemu')
    })),
    ...section('config', known({
      encryption: ENCRYPTION[get('ro.crypto.state') as keyof typeof ENCRYPTION],
      selinux: (['enforcing', 'permissive'] as const).find((mode) => mode === selinux)
    })),
    properties: { ...properties }
  }
}

/** `package/service:package/service` */
const components = (value: string | undefined): string[] | undefined =>
  value === undefined ? undefined : unique(value.split(':').map(textOf))

/** What Android's settings say, whoever listed them; without those that are not set. */
export function sectionsOfSettings (settings: ReadonlyMap<string, string>): ReportSections {
  const flag = (name: string): boolean | undefined => ({ 0: false, 1: true } as Record<string, boolean>)[settings.get(name) ?? '']
  // Either switch turns Play Protect off; -1 in the second is a user who declined it.
  const protections = ['package_verifier_enable', 'package_verifier_user_consent'].map((name) => settings.get(name)).filter((value) => value !== undefined)
  const [proxyHost, proxyPort] = (settings.get('http_proxy') ?? '').split(':')
  const privateDns = settings.get('private_dns_mode')
  return {
    ...section('config', known({
      developerMode: flag('development_settings_enabled'),
      usbDebugging: flag('adb_enabled'),
      unknownSources: flag('install_non_market_apps'),
      playProtect: protections.length === 0 ? undefined : protections.every((value) => value === '1'),
      accessibilityServices: components(settings.get('enabled_accessibility_services')),
      notificationListeners: components(settings.get('enabled_notification_listeners'))?.map((component) => component.split('/')[0]!)
    })),
    ...section('network', known({
      privateDns: privateDns === 'hostname' ? 'strict' as const : (['off', 'opportunistic'] as const).find((mode) => mode === privateDns),
      // `:0` is how Android writes that there is none.
      proxy: proxyHost === undefined || proxyHost === '' ? undefined : { host: proxyHost, port: Number(proxyPort) || 0 }
    }))
  }
}

/** With its own collector on the phone AndroidQF writes JSON, else the output of `ps`. */
function readProcesses (text: string): Pick<ReportSections, 'processes'> {
  if (!text.trimStart().startsWith('[{')) return { processes: parseProcesses(text) }
  const names = parseList(text, 'processes.txt').filter(isObject).map((process) =>
    textOf(Array.isArray(process['command_line']) ? process['command_line'][0] : undefined) ?? textOf(process['filename']))
  return { processes: unique(names) }
}

/**
 * What an AndroidQF folder says, in our vocabulary. Files that are missing, and fields a phone
 * could not tell, stay unknown.
 * @throws InvalidInputError naming the file that cannot be read.
 */
export function fromAndroidQf (files: AndroidQfFiles): ReportSections {
  const fromGetprop = files.getprop === undefined ? {} : sectionsOfProperties(parseGetprop(files.getprop))
  const fromSettings = files.settings === undefined ? {} : sectionsOfSettings(new Map(files.settings.flatMap((text) => [...parseSettings(text)])))
  const config = { ...fromGetprop.config, ...fromSettings.config }
  return {
    ...fromGetprop,
    ...fromSettings,
    ...section('config', config),
    ...(files.packages === undefined ? {} : readPackages(files.packages)),
    ...(files.rootBinaries === undefined ? {} : readRootBinaries(files.rootBinaries)),
    ...(files.processes === undefined ? {} : readProcesses(files.processes))
  }
}
