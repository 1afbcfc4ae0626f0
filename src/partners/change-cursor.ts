import { decodeCursor, encodeCursor, NUMBER_PART, UUID_PART } from '../devices/cursor.js'
import { InvalidInputError } from '../errors.js'

/** Where a reader of a tenant's devices is: in the listing of all, or in the changes after it. */
export interface ChangeCursor {
  /** The position in the feed up to which everything is known, or will be once the listing has ended. */
  readonly position: number
  /** While listing all devices: the id of the last one listed. */
  readonly listedUpTo: string | undefined
}

/** Smaller than every device id. */
export const BEFORE_ALL_DEVICES = '00000000-0000-0000-0000-000000000000'
const LISTING = 'l'
const CHANGES = 'c'
const KIND_PART = new RegExp(`^[${LISTING}${CHANGES}]$`)

/** Good for this tenant alone. */
export function encodeChangeCursor (tenantId: string, { position, listedUpTo }: ChangeCursor): string {
  return encodeCursor([listedUpTo === undefined ? CHANGES : LISTING, tenantId, String(position), listedUpTo ?? BEFORE_ALL_DEVICES])
}

/** @throws InvalidInputError when it is none of ours, or of another tenant */
export function decodeChangeCursor (tenantId: string, cursor: string): ChangeCursor {
  const [kind, tenant, position, device] = read(cursor)
  if (tenant !== tenantId || !Number.isSafeInteger(Number(position))) throw notACursor()
  return { position: Number(position), listedUpTo: kind === LISTING ? device : undefined }
}

function read (cursor: string): string[] {
  try {
    const parts = decodeCursor({ cursor }, KIND_PART, UUID_PART, NUMBER_PART, UUID_PART)
    if (parts !== undefined) return parts
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
  }
  throw notACursor()
}

const notACursor = (): InvalidInputError => new InvalidInputError([{ path: '/querystring/changedSince', message: 'is not a nextCursor that you were given' }])
