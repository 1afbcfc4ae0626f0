import { isOrdinary, ORDINARY_WORDS } from '../data/ordinary-words.js'

/**
 * Names under which phone makers, system builders and teaching books put harmless apps. Spyware
 * hides among them, so there a name says nothing: `com.android.settings.app` looks like anybody's.
 */
const COMMON_PREFIXES = [
  'android.', 'com.android.', 'com.google.', 'com.sec.', 'com.samsung.', 'com.apple.', 'com.huawei.', 'com.hihonor.', 'com.xiaomi.', 'com.miui.', 'com.mi.', 'com.oppo.',
  'com.coloros.', 'com.heytap.', 'com.vivo.', 'com.bbk.', 'com.oneplus.', 'com.realme.', 'com.motorola.', 'com.sony.', 'com.sonymobile.', 'com.sonyericsson.', 'com.lge.',
  'com.htc.', 'com.asus.', 'com.lenovo.', 'com.zte.', 'com.tcl.', 'com.transsion.', 'com.nokia.', 'com.hmdglobal.', 'com.nothing.', 'com.qualcomm.', 'com.qti.', 'com.mediatek.',
  'com.microsoft.', 'com.amazon.', 'com.facebook.', 'org.mozilla.', 'org.chromium.', 'org.lineageos.', 'com.example.', 'com.test.', 'com.app.', 'com.system.', 'io.github.', 'com.github.'
] as const

/** Whether an app id looks like one that comes with the phone. */
export const looksPreinstalled = (appId: string): boolean => appId === 'android' || COMMON_PREFIXES.some((prefix) => appId.startsWith(prefix) && !OF_NOBODY.has(prefix))

/** Prefixes of which no maker is the owner. */
const OF_NOBODY: ReadonlySet<string> = new Set(['com.example.', 'com.test.', 'com.app.', 'com.system.', 'io.github.', 'com.github.'])

/** A shorter brand must be a whole part of the app id, one that is shorter still says nothing. */
const LEAST_BRAND_INSIDE = 6
const LEAST_BRAND = 4
const LEAST_MADE_UP = 7
/** `nightschool` has five consonants in a row as well. */
const LONGER_WORDS = [...ORDINARY_WORDS].filter(({ length }) => length >= 4)
/** Consonants in a row; y counts as a vowel. English words have four at most, but for a handful. */
const CONSONANTS = /[bcdfghjklmnpqrstvwxz]{5}/

/** A family's name as an app id would have it. */
export const brandOf = (family: string): string => family.toLowerCase().replace(/[^a-z0-9]/g, '')

/**
 * Whether an app id is so much a family's own that it stands for the app without certificate or
 * hash. It must be listed for one family alone and lie outside the names that makers use, and
 * then either contain the family's brand (a part of it with at least 4 letters, or within a part
 * with at least 6), if that brand is more than ordinary words; or have two parts that a machine
 * made up (at least 7 letters with 5 consonants in a row, and no ordinary word among them), which nobody else has by chance.
 */
export function isDistinctiveName (appId: string, families: readonly string[]): boolean {
  const brands = new Set(families.map(brandOf))
  const id = appId.toLowerCase()
  const parts = id.split('.')
  if (brands.size !== 1 || parts.length < 2 || COMMON_PREFIXES.some((prefix) => id.startsWith(prefix))) return false
  const [brand = ''] = brands
  return hasBrand(parts, brand) || parts.filter(isMadeUp).length >= 2
}

function hasBrand (parts: readonly string[], brand: string): boolean {
  if (brand.length < LEAST_BRAND || brand === 'unknown' || isOrdinary(brand)) return false
  return parts.map(brandOf).some((part) => part === brand || (brand.length >= LEAST_BRAND_INSIDE && part.includes(brand)))
}

function isMadeUp (part: string): boolean {
  return part.length >= LEAST_MADE_UP && /^[a-z]+$/.test(part) && CONSONANTS.test(part) && !LONGER_WORDS.some((word) => part.includes(word))
}
