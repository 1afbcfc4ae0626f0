// What agents, management services and Android itself write when they do not know a value.
const SENTINEL = /^(?:|unknown|<unknown ssid>|null|[A-Z0-9_]*_UNSPECIFIED)$/i
const SENTINEL_IN_JSON = /"(?:|unknown|<unknown ssid>|null|[A-Z0-9_]*_UNSPECIFIED)"/i

/** Members that identify or are required: a sentinel there is a fault, for the validation to name. */
interface Shape {
  readonly keep?: ReadonlySet<string>
  readonly members?: Readonly<Record<string, Shape>>
  /** Shape of the elements, for a list. */
  readonly items?: Shape
  /** Elements that are sentinels stay. */
  readonly keepItems?: true
}

const APP_LIST: Shape = { items: { keep: new Set(['appId']) } }
const REPORT: Shape = {
  keep: new Set(['reportId', 'sequence', 'collectedAt']),
  members: {
    apps: {
      keep: new Set(['mode', 'baseDigest']),
      members: { items: APP_LIST, upsert: APP_LIST, remove: { keepItems: true } }
    },
    events: { items: { keep: new Set(['eventId', 'type', 'at']) } }
  }
}
const ANYTHING: Shape = {}

/** Cheap test on the JSON text: false means that there is nothing to normalise. */
export function mayHoldSentinel (json: string): boolean {
  return SENTINEL_IN_JSON.test(json)
}

/**
 * Takes the values that only say "not known" out of a report as it came, in place: absent
 * is the one way to say so. Runs before validation, so it takes any JSON value. A null
 * stays where it is: `installer: null` means "known to have none".
 */
export function removeSentinels (report: unknown): void {
  visit(report, REPORT)
}

function visit (value: unknown, shape: Shape): void {
  if (Array.isArray(value)) {
    visitList(value, shape)
  } else if (value !== null && typeof value === 'object') {
    const object = value as Record<string, unknown>
    for (const name of Object.keys(object)) {
      const member = object[name]
      if (typeof member === 'string') {
        if (SENTINEL.test(member) && shape.keep?.has(name) !== true) delete object[name]
      } else {
        visit(member, memberShape(shape, name))
      }
    }
  }
}

function visitList (list: unknown[], shape: Shape): void {
  let kept = 0
  for (const item of list) {
    if (typeof item === 'string' && SENTINEL.test(item) && shape.keepItems !== true) continue
    visit(item, shape.items ?? ANYTHING)
    list[kept++] = item
  }
  list.length = kept
}

function memberShape (shape: Shape, name: string): Shape {
  return shape.members !== undefined && Object.hasOwn(shape.members, name) ? shape.members[name]! : ANYTHING
}
