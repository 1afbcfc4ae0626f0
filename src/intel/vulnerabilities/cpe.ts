/** What of a CPE name tells a phone's system or app. */
export interface Cpe {
  /** o: operating system, a: application, h: hardware. */
  readonly part: string
  readonly vendor: string
  readonly product: string
  /** `*` any, `-` none, or one version. */
  readonly version: string
  readonly update: string
  /** The system that an application is for: `android`, `iphone_os`, or `*`. */
  readonly targetSw: string
}

const MAX_LENGTH = 1_000

/** Reads a name as of CPE 2.3 (NISTIR 7695, formatted string) or the older URI; undefined when it is none. */
export function parseCpe (text: unknown): Cpe | undefined {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined
  const isUri = text.startsWith('cpe:/')
  if (!isUri && !text.startsWith('cpe:2.3:')) return undefined
  const fields = (isUri ? text.slice('cpe:/'.length) : text.slice('cpe:2.3:'.length)).split(/(?<!\\):/)
  const at = (index: number): string => {
    const value = fields[index]?.replace(/\\(.)/g, '$1').toLowerCase() ?? ''
    return value === '' ? '*' : value
  }
  if (!/^[oah]$/.test(at(0)) || at(1) === '*' || at(2) === '*') return undefined
  return { part: at(0), vendor: at(1), product: at(2), version: at(3), update: at(4), targetSw: isUri ? '*' : at(8) }
}
