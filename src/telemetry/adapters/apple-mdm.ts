import { createHash, X509Certificate } from 'node:crypto'
import { InvalidInputError } from '../../errors.js'
import { appId, count, type FieldMap, flag, MALFORMED, meaning, memberAt, type Reader, readFields, readSections, text } from './field-map.js'
import { isObject, type JsonObject } from './json-value.js'
import { createSkips, type Skips, type Translation, type Translations } from './translation.js'

const WHAT = 'The MDM answer'
const MAX_ANSWERS = 500

/** Commands and the member of their answer that holds what was asked for. */
const ANSWERS = {
  DeviceInformation: 'QueryResponses',
  SecurityInfo: 'SecurityInfo',
  InstalledApplicationList: 'InstalledApplicationList',
  ProfileList: 'ProfileList',
  CertificateList: 'CertificateList'
} as const
const MEMBERS = Object.values(ANSWERS)

interface DerCertificate { readonly sha256: string, readonly signs: boolean }

/** DER of a certificate, in base64. */
const certificate: Reader = {
  says: '',
  wants: 'a certificate (DER)',
  read: (value): DerCertificate | typeof MALFORMED => {
    if (typeof value !== 'string' || value === '') return MALFORMED
    const der = Buffer.from(value, 'base64')
    try {
      const { ca, subject, issuer } = new X509Certificate(der)
      // Old roots say nothing of what they may sign; who issued itself is an authority.
      return { sha256: createHash('sha256').update(der).digest('hex'), signs: ca || subject === issuer }
    } catch {
      return MALFORMED
    }
  }
}

const payloadTypes: Reader = {
  says: 'the `PayloadType` of each',
  wants: 'a list of payloads with a PayloadType',
  read: (value) => {
    if (!Array.isArray(value)) return MALFORMED
    const types = value.map((payload) => isObject(payload) ? payload['PayloadType'] : undefined).filter((type) => typeof type === 'string')
    return types.length === 0 && value.length > 0 ? MALFORMED : [...new Set(types)]
  }
}

/** Apple numbers the builds of betas from 5,000 on, with a small letter behind. */
function isBetaBuild (build: string): boolean | undefined {
  if (/^\d{2}[A-Z]5\d{3}[a-z]$/.test(build)) return true
  return /^\d{2}[A-Z]\d{1,4}$/.test(build) ? false : undefined
}

const ENCRYPTION_SAYS = '`3` with a passcode → `active`; `3` without one, `1`, `2` → `default-key`; `0` → `unsupported`; `3` with the passcode unknown → unknown'

/** Keys of the answers to MDM commands: https://developer.apple.com/documentation/devicemanagement */
export const APPLE_MDM_MAP: FieldMap = {
  fields: [
    { from: 'QueryResponses.OSVersion', to: 'os.version', reader: text },
    { from: 'QueryResponses.BuildVersion', to: 'os.build', reader: text },
    { from: 'QueryResponses.SupplementalBuildVersion', to: 'os.supplementalBuild', reader: text },
    { from: 'QueryResponses.SupplementalOSVersionExtra', to: 'os.supplementalVersion', reader: text },
    { from: 'QueryResponses.BuildVersion', to: 'os.beta', reader: meaning('a number of 5,000 or more and a small letter at the end (`24A5260n`) → `true`; no letter → `false`; else unknown', text, isBetaBuild) },
    { from: 'QueryResponses.ProductName', to: 'hardware.model', reader: text },
    { from: 'QueryResponses.ModelName', to: 'hardware.model', reader: text },
    { from: 'QueryResponses.ProductName', to: 'hardware.manufacturer', reader: meaning('`Apple`', text, () => 'Apple') },
    { from: 'QueryResponses.IsSupervised', to: 'config.managed', reader: meaning('`true`: a phone that answers is managed, supervised or not', flag, () => true) },
    { from: 'QueryResponses.PersonalHotspotEnabled', to: 'config.hotspot', reader: flag },
    { from: 'SecurityInfo.PasscodePresent', to: 'config.passcodeSet', reader: flag },
    { from: 'SecurityInfo.PasscodeCompliant', to: 'config.passcodeCompliant', reader: flag },
    { from: 'SecurityInfo.PasscodeCompliantWithProfiles', to: 'config.passcodeCompliant', reader: flag },
    { from: 'SecurityInfo.AutoLockTime', to: 'config.autoLockSeconds', reader: count },
    {
      from: 'SecurityInfo.HardwareEncryptionCaps',
      to: 'config.encryption',
      reader: {
        says: ENCRYPTION_SAYS,
        wants: '0, 1, 2 or 3',
        read: (value) => value === 3 || value === 2 || value === 1 || value === 0 ? value : MALFORMED
      }
    }
  ],
  lists: [
    {
      from: 'InstalledApplicationList',
      to: 'apps',
      needs: 'appId',
      omit: { says: '`DownloadWaiting`, `DownloadCancelled` or `DownloadFailed`: not on the phone', test: (app) => app['DownloadWaiting'] === true || app['DownloadCancelled'] === true || app['DownloadFailed'] === true },
      fields: [
        { from: 'Identifier', to: 'appId', reader: appId },
        { from: 'Name', to: 'name', reader: text },
        { from: 'ShortVersion', to: 'version', reader: text },
        { from: 'Version', to: 'version', reader: text },
        { from: 'Version', to: 'versionCode', reader: text },
        { from: 'AdHocCodeSigned', to: 'adHocSigned', reader: flag },
        { from: 'AppStoreVendable', to: 'fromAppStore', reader: meaning('`true` → `true`; `false` → `false` only where `DeviceBasedVPP` is `false` too, because apps bought in volume come from the store', flag, (vendable: boolean, { DeviceBasedVPP }) => vendable || DeviceBasedVPP === true ? true : DeviceBasedVPP === false ? false : undefined) },
        { from: 'DeviceBasedVPP', to: 'fromAppStore', reader: meaning('`true` → `true`; else unknown', flag, (vpp: boolean) => vpp ? true : undefined) },
        { from: 'BetaApp', to: 'beta', reader: flag },
        { from: 'IsValidated', to: 'validated', reader: flag },
        { from: 'HasUpdateAvailable', to: 'updateAvailable', reader: flag },
        { from: 'DistributorIdentifier', to: 'distributor', reader: text },
        { from: 'Source', to: 'managed', reader: meaning('`Declarative Device Management` → `true`; else unknown', text, (source: string) => source === 'Declarative Device Management' ? true : undefined) }
      ]
    },
    {
      from: 'ProfileList',
      to: 'profiles',
      fields: [
        { from: 'PayloadUUID', to: 'uuid', reader: text },
        { from: 'PayloadIdentifier', to: 'identifier', reader: text },
        { from: 'PayloadDisplayName', to: 'displayName', reader: text },
        { from: 'PayloadOrganization', to: 'organization', reader: text },
        { from: 'IsManaged', to: 'managed', reader: flag },
        { from: 'PayloadRemovalDisallowed', to: 'removalDisallowed', reader: flag },
        { from: 'PayloadContent', to: 'payloadTypes', reader: payloadTypes }
      ]
    },
    {
      from: 'CertificateList',
      to: 'certificates',
      fields: [
        { from: 'Data', to: 'sha256', reader: meaning('SHA-256 of the DER', certificate, ({ sha256 }: DerCertificate) => sha256) },
        { from: 'CommonName', to: 'commonName', reader: text },
        { from: 'Data', to: 'store', reader: meaning('an authority → `user`: MDM lists what was added, not what iOS has; a certificate that signs for nobody else → unknown', certificate, ({ signs }: DerCertificate) => signs ? 'user' : undefined) },
        { from: 'IsIdentity', to: 'isIdentity', reader: flag }
      ]
    }
  ],
  unused: [
    ['UDID, EnrollmentID', 'tells which answers are of one phone; it is not stored'],
    ['QueryResponses.DevicePropertiesAttestation', 'proves something only together with the nonce of whoever asked'],
    ['SecurityInfo.PasscodeLockGracePeriod', 'how long a locked Shared iPad may be used without the passcode; not the time until it locks'],
    ['BundleSize, DynamicSize, ExternalVersionIdentifier, IsAppClip', 'no detection rests on them']
  ]
}

const IDENTITY = [{ from: 'QueryResponses.SerialNumber', to: 'serialNumber', reader: text }]

/** An answer by its members, whether it came as the device sent it or under the name of its command. */
function answersIn (value: unknown): JsonObject[] {
  if (!isObject(value)) return []
  const outer = Object.fromEntries(['UDID', 'EnrollmentID', 'Status', 'CommandUUID'].filter((key) => Object.hasOwn(value, key)).map((key) => [key, value[key]]))
  const direct: Record<string, unknown> = {}
  const answers: JsonObject[] = []
  for (const [command, member] of Object.entries(ANSWERS)) {
    const byCommand = memberAt(value, command)
    if (isObject(byCommand) && Object.hasOwn(byCommand, member)) answers.push({ ...outer, ...byCommand })
    else if (byCommand !== undefined) direct[member] = byCommand
  }
  if (Object.hasOwn(value, 'QueryResponses')) direct['QueryResponses'] = value['QueryResponses']
  if (Object.keys(direct).length > 0) answers.push({ ...outer, ...direct })
  // What a device says instead of an answer.
  if (answers.length === 0 && typeof value['Status'] === 'string') answers.push(outer)
  return answers
}

function phoneOf (answer: JsonObject): string {
  const name = answer['UDID'] ?? answer['EnrollmentID'] ?? memberAt(answer, 'QueryResponses.UDID')
  return typeof name === 'string' ? name : ''
}

function joinAnswers (answers: readonly JsonObject[], skips: Skips): JsonObject {
  const joined: Record<string, unknown> = {}
  for (const answer of answers) {
    const members = MEMBERS.filter((member) => Object.hasOwn(answer, member))
    const { Status } = answer
    if (members.length === 0 && typeof Status === 'string') skips.add(`the device answered ${Status.slice(0, 40)}`, typeof answer['CommandUUID'] === 'string' ? answer['CommandUUID'] : Status)
    for (const member of members) {
      if (Object.hasOwn(joined, member)) skips.add(`${member} was answered twice; the last counts`, member)
      joined[member] = answer[member]
    }
  }
  return joined
}

function translate (answers: readonly JsonObject[]): Translation {
  const skips = createSkips()
  const joined = joinAnswers(answers, skips)
  const { serialNumber } = readFields(IDENTITY, joined, skips) as { serialNumber?: string }
  const { config, ...sections } = readSections(APPLE_MDM_MAP, joined, skips)
  const passcode = config?.passcodeSet
  const known = { ...config } as Record<string, unknown>
  const encryption = encryptionOf(known['encryption'], passcode)
  delete known['encryption']
  if (encryption !== undefined) known['encryption'] = encryption
  return {
    phone: serialNumber === undefined ? {} : { serialNumber },
    sections: { ...sections, ...(Object.keys(known).length === 0 ? {} : { config: known as NonNullable<typeof config> }) },
    skipped: skips.list(),
    content: answers
  }
}

/** Data protection needs both kinds of encryption and a passcode (Apple, SecurityInfo). */
function encryptionOf (capabilities: unknown, passcodeSet: boolean | undefined): string | undefined {
  if (capabilities === undefined) return undefined
  if (capabilities === 0) return 'unsupported'
  if (capabilities !== 3 || passcodeSet === false) return 'default-key'
  return passcodeSet === true ? 'active' : undefined
}

/**
 * Answers of devices to MDM commands, as JSON values: one, a list of them, or several in one
 * object by the names of their commands. Answers with the same UDID are one phone's.
 * @throws InvalidInputError when there is no answer in it
 */
export function fromAppleMdm (value: unknown): Translations {
  const sent: unknown[] = Array.isArray(value) ? value : [value]
  if (sent.length > MAX_ANSWERS) throw new InvalidInputError([{ path: '', message: `must have at most ${MAX_ANSWERS} answers, has ${sent.length}` }], WHAT)
  const faults = sent.flatMap((one, index) => answersIn(one).length > 0
    ? []
    : [{ path: Array.isArray(value) ? `/${index}` : '', message: `must be an answer with ${MEMBERS.join(', ')}` }])
  if (sent.length === 0) faults.push({ path: '', message: 'must have at least one answer' })
  if (faults.length > 0) throw new InvalidInputError(faults, WHAT)

  const byPhone = new Map<string, JsonObject[]>()
  for (const answer of sent.flatMap(answersIn)) {
    const phone = phoneOf(answer)
    byPhone.set(phone, [...byPhone.get(phone) ?? [], answer])
  }
  // What names no phone goes with the one that is named.
  const nameless = byPhone.get('')
  if (nameless !== undefined && byPhone.size === 2) {
    byPhone.delete('')
    const [[phone, answers]] = byPhone as unknown as [[string, JsonObject[]]]
    byPhone.set(phone, [...answers, ...nameless])
  }
  return { phones: [...byPhone.values()].map(translate), isList: byPhone.size > 1 }
}
