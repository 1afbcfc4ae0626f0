import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface LeakedSecret {
  readonly file: string
  readonly line: number
  /** What kind it looks like; never the secret itself. */
  readonly what: string
  /** The line's beginning, where it tells who wrote it. */
  readonly text: string
}

/** How secrets look that nobody has remembered. */
const LOOKS: Readonly<Record<string, RegExp>> = {
  'API key or enrolment token': /\b(?:sp|set)_[\w-]{40,}/,
  'secret of a webhook': /\bwhsec_[\w+/=-]{20,}/,
  'signed token': /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}/,
  'private key': /-----BEGIN (?:\w+ )?PRIVATE KEY-----/,
  'address with a password': /:\/\/[^\s"\\/@:]*:(?!\[secret\]@)[^\s"\\/@]+@/,
  'Authorization header': /\b(?:Bearer|Basic) (?!\[secret\]|error=|realm=)[\w.~+/=-]{16,}/,
  'password of the tests': /hunter2/
}
/** Shorter ones are found in anything. */
const SHORTEST = 12
const WORDS = /[\w.~+/=-]{12,}/g

/** Looks for secrets in the logs of a run: those that were remembered, wherever they stand, and what looks like one. */
export function scanLogs (folder: string): { readonly lines: number, readonly secrets: number, readonly leaks: readonly LeakedSecret[] } {
  const files = existsSync(folder) ? readdirSync(folder) : []
  const read = (file: string): string[] => readFileSync(join(folder, file), 'utf8').split('\n').filter((line) => line !== '')
  const secrets = new Set(files.filter((file) => file.endsWith('.secrets')).flatMap(read).filter((secret) => secret.length >= SHORTEST))
  const leaks: LeakedSecret[] = []
  let lines = 0
  for (const file of files.filter((name) => name.endsWith('.log'))) {
    for (const [index, line] of read(file).entries()) {
      lines++
      const looks = Object.entries(LOOKS).filter(([, pattern]) => pattern.test(line)).map(([what]) => what)
      const known = (line.match(WORDS) ?? []).some((word) => isSecret(word, secrets)) ? ['remembered secret'] : []
      for (const what of [...looks, ...known]) leaks.push({ file, line: index + 1, what, text: line.slice(0, 160) })
    }
  }
  return { lines, secrets: secrets.size, leaks }
}

/** Also with something in front that belongs to the same word: `token=…`, `a.b/…`. */
function isSecret (word: string, secrets: ReadonlySet<string>): boolean {
  if (secrets.has(word)) return true
  return [...word.matchAll(/[=./]/g)].some(({ index }) => secrets.has(word.slice(index + 1)) || secrets.has(word.slice(0, index)))
}
