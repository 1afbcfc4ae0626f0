const PROPERTY_START = /^\[([^\]]+)\]: \[(.*)$/

/** `[name]: [value]` lines of `getprop`; a value may run over several lines. */
export function parseGetprop (text: string): Record<string, string> {
  const properties: Record<string, string> = {}
  let open: { readonly name: string, readonly lines: string[] } | undefined
  for (const line of text.split(/\r?\n/)) {
    const start = PROPERTY_START.exec(line)
    if (start !== null) open = { name: start[1]!, lines: [start[2]!] }
    else open?.lines.push(line)
    if (open === undefined || !line.endsWith(']')) continue
    properties[open.name] = open.lines.join('\n').slice(0, -1)
    open = undefined
  }
  return properties
}

/** `name=value` lines of `cmd settings list`; `null` is Android's word for a setting that is not there. */
export function parseSettings (text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf('=')
    if (at <= 0) continue
    const value = line.slice(at + 1).trim()
    if (value !== 'null') settings.set(line.slice(0, at).trim(), value)
  }
  return settings
}

/**
 * USER PID PPID VSZ RSS [WCHAN] ADDR S NAME, with a security label in front on some phones and
 * without WCHAN on others: what is sure is four numbers first, a one-letter state and the name last.
 */
const PROCESS_LINE = /^\S+\s+(?:\S+\s+)?\d+\s+\d+\s+\d+\s+\d+\s(?:.*?\s)?[A-Z]\s+(\S.*)$/

/** A line of `ps` has its name's length more than a hundred characters. */
const MAX_LINE = 4_096

/** Names of processes in the output of `ps -A`, each once; kernel threads without their brackets. */
export function parseProcesses (text: string): string[] {
  const names = new Set<string>()
  for (const line of text.split(/\r?\n/)) {
    const name = line.length > MAX_LINE ? undefined : PROCESS_LINE.exec(line.trimEnd())?.[1]?.trim().replace(/^\[(.*)\]$/, '$1')
    if (name !== undefined && name !== '') names.add(name)
  }
  return [...names]
}

/** Whether a file can be run, by its mode as `ls` and Go write it (`-rwxr-x--x`); undefined for a folder or another text. */
export function isExecutableMode (mode: unknown): boolean | undefined {
  return typeof mode === 'string' && /^-[-rwxsStT]{9}$/.test(mode) ? /[xst]/.test(mode) : undefined
}
