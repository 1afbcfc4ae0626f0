import { getPublicSuffix, parse } from 'tldts'
import type { IndicatorType } from '../indicators/indicator.js'
import { normalizeHash, normalizeNetworkValue } from '../indicators/normalize.js'
import { refang } from '../indicators/refang.js'

/** What stands around a value: a heading, a column, a key. */
export type Surroundings = 'certificate' | 'app' | 'network' | 'file' | undefined

/** What most of the dotted names around are. */
export type Names = 'apps' | 'hosts' | undefined

const HASHES = [['sha256', 'cert-sha256'], ['sha1', 'cert-sha1'], ['md5', 'cert-md5']] as const
const DOTTED_NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+(?:\.\*)?$/
/** RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.2. */
const MAX_EMAIL = 320
const EMAIL = /^[^\s@/:]+@[^\s@/]+\.[^\s@/]+$/
/** Under a domain that no registry has, which networks of their own and new registries do. */
const UNLISTED_HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$/i
const FILE_PATH = /^(?:\/[^/\s]|[A-Za-z]:\\)/
const APP_FILE = /^[^\s/\\]+\.(?:apk|dex|ipa|so|dylib|jar|exe|dll)$/i

/** What a value is by its look; undefined when it looks like nothing that is an indicator. */
export function guessType (written: string, around: Surroundings, names: Names): IndicatorType | undefined {
  const text = refang(written.trim())
  for (const [file, certificate] of HASHES) {
    if (/^[0-9a-f: ]+$/i.test(text) && normalizeHash(file, text) !== undefined) return around === 'certificate' ? certificate : file
  }
  if (text.length <= MAX_EMAIL && EMAIL.test(text)) return 'email'
  if (FILE_PATH.test(text)) return 'file-path'
  if (APP_FILE.test(text)) return 'file-name'
  if (DOTTED_NAME.test(text) && !/^\d+(?:\.\d+){3}$/.test(text)) {
    return nameKind(text, around, names)
  }
  const network = normalizeNetworkValue(written)
  // A single word is no host, and a number with a slash no range that anybody means.
  return network !== undefined && /[.:]/.test(network.value) ? network.type : undefined
}

function nameKind (text: string, around: Surroundings, names: Names): IndicatorType | undefined {
  const kind = looksLike(text)
  if (kind === undefined) return around === 'app' ? 'app-id' : names === 'hosts' && UNLISTED_HOST.test(text) ? 'domain' : undefined
  if (kind === 'either') return around === 'app' || (around !== 'network' && names === 'apps') ? 'app-id' : 'domain'
  return kind === 'app' && around !== 'network' ? 'app-id' : kind === 'domain' ? 'domain' : undefined
}

/**
 * Whether the dotted names of a list are app ids or hosts, most of them: app ids begin with a top-level domain and rarely end with
 * one. What could be both follows those that can not.
 */
export function kindOfNames (written: Iterable<string>): Names {
  let apps = 0
  let domains = 0
  for (const one of written) {
    const text = refang(one.trim())
    if (!DOTTED_NAME.test(text)) continue
    const kind = looksLike(text)
    if (kind === 'app') apps++
    else if (kind === 'domain') domains++
  }
  return apps > domains ? 'apps' : domains > apps ? 'hosts' : undefined
}

/** Reversed names begin with these; there are countries and words among the others that hosts begin with too. */
const FIRST_LABELS = new Set('com org net io de fr ru cn in br uk co me app dev eu it es pl nl ir tr jp kr us ca au ch at se no cz tv cc xyz info biz mobi edu gov ua vn id sg hk tw th my ph pk bd ng za mx ar cl pe gr pt ro hu be dk fi il ae sa eg kz by'.split(' '))

function looksLike (text: string): 'app' | 'domain' | 'either' | undefined {
  if (text.endsWith('.*')) return 'app'
  const labels = text.split('.')
  const { isIcann, isPrivate } = parse(text, { allowPrivateDomains: true })
  const endsLikeHost = (isIcann === true || isPrivate === true) && !text.includes('_') && getPublicSuffix(text) !== text
  const beginsLikeApp = FIRST_LABELS.has(labels[0]!.toLowerCase()) && labels.length >= 2
  // Hosts are written in small letters; many app ids are not.
  if (beginsLikeApp && endsLikeHost) return /[A-Z]/.test(text) || labels.length === 2 ? (labels.length === 2 ? 'domain' : 'app') : 'either'
  if (endsLikeHost) return 'domain'
  return beginsLikeApp ? 'app' : undefined
}
