import type { IndicatorType } from '../../intel/indicators/indicator.js'
import type { IntelEntry } from '../../intel/intel-view.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { keyed, lookup, normalizeHex } from './intel-entries.js'
import { oncePerContext } from './memo.js'

/** Something on the phone, other than an app, that an indicator names. */
export interface Trace {
  readonly what: 'file' | 'process' | 'configuration profile' | 'system property'
  /** The bare path, process name, profile id or property name. */
  readonly subject: string
  readonly evidence: readonly Evidence[]
  readonly entries: readonly IntelEntry[]
}

/** iOS calls one folder both `/var` and `/private/var`; feeds use the latter. */
function spellingsOf (path: string): string[] {
  if (path.startsWith('/private/var/')) return [path, path.slice('/private'.length)]
  return path.startsWith('/var/') ? [path, `/private${path}`] : [path]
}

/** The path and every folder it is in, as a feed writes a folder: with a slash at the end. */
function pathAndFolders (path: string): string[] {
  const parts = path.split('/')
  return [path, ...parts.slice(2).map((_, index) => parts.slice(0, index + 2).join('/') + '/')]
}

function filesFound (context: DetectionContext): Trace[] {
  return (context.state.files ?? []).flatMap((file, index) => {
    const { path, sha256 } = file
    const entries: IntelEntry[] = []
    const evidence: Evidence[] = []
    const collect = (type: IndicatorType, as: string, field: 'path' | 'sha256'): void => {
      const found = lookup(context, type, as)
      if (found.length > 0) evidence.push({ path: `files[${index}].${field}`, value: file[field] })
      entries.push(...found)
    }
    if (sha256 !== undefined) collect('sha256', normalizeHex(sha256), 'sha256')
    if (path !== undefined) {
      for (const spelling of new Set(spellingsOf(path).flatMap(pathAndFolders))) collect('file-path', spelling, 'path')
      collect('file-name', path.slice(path.lastIndexOf('/') + 1), 'path')
    }
    return entries.length === 0 ? [] : [{ what: 'file', subject: path ?? sha256!, evidence, entries }]
  })
}

function processesFound (context: DetectionContext): Trace[] {
  return (context.state.processes ?? []).flatMap((name, index) => {
    // Android names the processes of an app `package` or `package:part`.
    const appId = name.split(':')[0]!
    const entries = [...lookup(context, 'process', name), ...(appId.includes('.') ? lookup(context, 'app-id', appId) : [])]
    return entries.length === 0 ? [] : [{ what: 'process', subject: name, evidence: [{ path: `processes[${index}]`, value: name }], entries }]
  })
}

function profilesFound (context: DetectionContext): Trace[] {
  return (context.state.profiles ?? []).flatMap((profile, index) => {
    for (const field of ['uuid', 'identifier'] as const) {
      const value = profile[field]
      if (value === undefined) continue
      // A UUID is the same in capitals, an identifier is not; phones and feeds write both.
      const entries = [...new Set([value, value.toLowerCase(), value.toUpperCase()])].flatMap((spelling) => lookup(context, 'profile-id', spelling))
      if (entries.length > 0) return [{ what: 'configuration profile', subject: value, evidence: [{ path: `profiles[${index}].${field}`, value }], entries }]
    }
    return []
  })
}

function propertiesFound (context: DetectionContext): Trace[] {
  return Object.entries(context.state.properties ?? {}).flatMap(([name, value]) => {
    const entries = lookup(context, 'property', name)
    return entries.length === 0 ? [] : [{ what: 'system property', subject: name, evidence: [{ path: keyed('properties', name), value }], entries }]
  })
}

/** What intel names of each kind; each reads only its section of the state. */
export const fileTraces = oncePerContext((context): readonly Trace[] => filesFound(context))
export const processTraces = oncePerContext((context): readonly Trace[] => processesFound(context))
export const profileTraces = oncePerContext((context): readonly Trace[] => profilesFound(context))
export const propertyTraces = oncePerContext((context): readonly Trace[] => propertiesFound(context))

/** Files, processes, profiles and properties that intel names. */
export const deviceTraces = oncePerContext((context): readonly Trace[] =>
  [...fileTraces(context), ...processTraces(context), ...profileTraces(context), ...propertyTraces(context)])
