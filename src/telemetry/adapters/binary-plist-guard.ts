/**
 * What reading may cost: one for each object, and more for long texts, of which the parser keeps every
 * beginning while it reads. A backup's Info.plist has a few thousand objects.
 */
const MAX_COST = 1_000_000
const CHARACTERS_OF_ONE = 8
const DATA_BYTES_OF_ONE = 64

/** Kinds of objects, the upper half of their first byte. */
const DATA = 0x4
const ASCII = 0x5
const UTF16 = 0x6
const HAS_LENGTH: ReadonlySet<number> = new Set([DATA, ASCII, UTF16, 0xa, 0xc, 0xd])
/** Lists and sets name each element, dictionaries each key and value. */
const REFERENCES: ReadonlyMap<number, number> = new Map([[0xa, 1], [0xc, 1], [0xd, 2]])

/** Big-endian unsigned number. Out of range throws, as all reading here does. */
function readUint (view: DataView, offset: number, bytes: number): number {
  let value = 0
  for (let index = 0; index < bytes; index++) value = value * 256 + view.getUint8(offset + index)
  return value
}

/** What kind an object is, how long, and where its content begins. */
function headOf (view: DataView, offset: number): { readonly kind: number, readonly length: number, readonly start: number } {
  const marker = view.getUint8(offset)
  const kind = marker >> 4
  const short = marker & 0x0f
  if (!HAS_LENGTH.has(kind) || short !== 0x0f) return { kind, length: short, start: offset + 1 }
  const bytes = 1 << (view.getUint8(offset + 1) & 0x0f)
  return { kind, length: readUint(view, offset + 2, bytes), start: offset + 2 + bytes }
}

function costOfContent (kind: number, length: number): number {
  if (kind === DATA) return length / DATA_BYTES_OF_ONE
  return kind === ASCII || kind === UTF16 ? length / CHARACTERS_OF_ONE : 0
}

/**
 * In a binary property list objects refer to each other by number, so a few hundred bytes can
 * contain themselves, or unfold to more than a memory holds; a long text can be named a million times, and
 * lists can lie over each other. Parsers follow the references blindly; this counts first what would come of it.
 * @throws when the file is cut off, contains itself, or unfolds to too much.
 */
export function assertUnfoldsSmall (content: Uint8Array): void {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const trailer = view.byteLength - 32
  const offsetBytes = view.getUint8(trailer + 6)
  const referenceBytes = view.getUint8(trailer + 7)
  const objects = readUint(view, trailer + 8, 8)
  const root = readUint(view, trailer + 16, 8)
  const table = readUint(view, trailer + 24, 8)
  // The parser reads the whole table, also for objects that nothing names.
  if (objects > MAX_COST) throw new RangeError('it has too many objects')

  /** What each object costs with all in it; `open` while that is being counted. */
  const costs = new Map<number, number | 'open'>()
  const costOf = (object: number): number => {
    const known = costs.get(object)
    if (known === 'open') throw new RangeError('a list contains itself')
    if (known !== undefined) return known
    costs.set(object, 'open')
    const { kind, length, start } = headOf(view, readUint(view, table + object * offsetBytes, offsetBytes))
    const references = length * (REFERENCES.get(kind) ?? 0)
    if (start + references * referenceBytes > view.byteLength) throw new RangeError('a list is longer than the file')
    let cost = 1 + costOfContent(kind, length)
    // One after the other, never all at once: lists within lists would each keep as many as the file has bytes.
    for (let index = 0; index < references && cost <= MAX_COST; index++) cost += costOf(readUint(view, start + index * referenceBytes, referenceBytes))
    if (cost > MAX_COST) throw new RangeError('it unfolds to too much')
    costs.set(object, cost)
    return cost
  }
  costOf(root)
}
