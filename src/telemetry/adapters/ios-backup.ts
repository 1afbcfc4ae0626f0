import type { PlistValue } from 'plist'
import { InvalidInputError } from '../../errors.js'
import { REPORT_LIMITS } from '../report.js'
import { parsePropertyList } from './property-list.js'
import type { ReportSections } from './report-sections.js'

const WHAT = 'The backup\'s Info.plist'

/** A backup's Info.plist as a dictionary. @throws InvalidInputError */
export function readInfoPlist (content: Uint8Array): Readonly<Record<string, PlistValue>> {
  const value = parsePropertyList(content, { what: WHAT, path: 'Info.plist', maxBytes: REPORT_LIMITS.decodedBytes })
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date || value instanceof Uint8Array) {
    throw new InvalidInputError([{ path: 'Info.plist', message: 'must be a dictionary' }], WHAT)
  }
  return value
}

/**
 * What the Info.plist of an iTunes or Finder backup says, in our vocabulary: version, build,
 * model and the apps the user installed. XML and binary property lists.
 * @throws InvalidInputError when it is no property list.
 */
export function fromIosBackup (infoPlist: Uint8Array): ReportSections {
  return sectionsOfBackup(readInfoPlist(infoPlist))
}

/** The same from its members, wherever they were read. */
export function sectionsOfBackup (info: Readonly<Record<string, unknown>>): ReportSections {
  const text = (key: string): string | undefined => {
    const value = info[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const version = text('Product Version')
  const build = text('Build Version')
  const model = text('Product Type')
  const installed = info['Installed Applications']
  return {
    ...(version === undefined && build === undefined
      ? {}
      : { os: { ...(version === undefined ? {} : { version }), ...(build === undefined ? {} : { build }) } }),
    hardware: { manufacturer: 'Apple', ...(model === undefined ? {} : { model }) },
    ...(Array.isArray(installed)
      ? { apps: { mode: 'snapshot' as const, items: [...new Set(installed)].filter((appId) => typeof appId === 'string' && appId !== '').map((appId) => ({ appId: appId as string })) } }
      : {})
  }
}
