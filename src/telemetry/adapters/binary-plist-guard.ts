/** A backup's Info.plist has a few thousand objects. */
const MAX_OBJECTS = 1_000_000

/** Big-endian unsigned number. Out of range throws, as all reading here does. */
function readUint (view: DataView, offset: number, bytes: number): number {
  let value = 0
  for (let index = 0; index < bytes; index++) value = value * 256 + view.getUint8(offset + index)
  return value
}

/** Where an object's references to other objects are: lists and sets name each element, dictionaries each key and value. */
function referencesOf (view: DataView, offset: number, referenceBytes: number): number[] {
  const marker = view.getUint8(offset)
  const kind = marker >> 4
  if (kind !== 0xa && kind !== 0xc && kind !== 0xd) return []
  let count = marker & 0x0f
  let start = offset + 1
  if (count === 0x0f) {
    const bytes = 1 << (view.getUint8(start) & 0x0f)
    count = readUint(view, start + 1, bytes)
    start += 1 + bytes
  }
  if (kind === 0xd) count *= 2
  if (start + count * referenceBytes > view.byteLength) throw new RangeError('a list is longer than the file')
  return Array.from({ length: count }, (_, index) => readUint(view, start + index * referenceBytes, referenceBytes))
}

/**
 * In a binary property list objects refer to each other by number, so a few hundred bytes can
 * contain themselves, or unfold to more than a memory holds. Parsers follow the references
 * blindly; this counts first what would come of it.
 * @throws when the file is cut off, contains itself, or unfolds to more than a million objects.
 */
export function assertUnfoldsSmall (content: Uint8Array): void {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const trailer = view.byteLength - 32
  const offsetBytes = view.getUint8(trailer + 6)
  const referenceBytes = view.getUint8(trailer + 7)
  const root = readUint(view, trailer + 16, 8)
  const table = readUint(view, trailer + 24, 8)

  /** Objects that each object unfolds to; `open` while its own references are being counted. */
  const sizes = new Map<number, number | 'open'>()
  const sizeOf = (object: number): number => {
    const known = sizes.get(object)
    if (known === 'open') throw new RangeError('a list contains itself')
    if (known !== undefined) return known
    sizes.set(object, 'open')
    let size = 1
    for (const reference of referencesOf(view, readUint(view, table + object * offsetBytes, offsetBytes), referenceBytes)) {
      size += sizeOf(reference)
      if (size > MAX_OBJECTS) throw new RangeError('it unfolds to too many objects')
    }
    sizes.set(object, size)
    return size
  }
  sizeOf(root)
}
