import { file, type Publisher } from './publisher.js'

export const uuidOf = (number: number): string => `5f000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** A folder as MISP's feed generator writes it: each event's number and time. */
export function offerMispFolder (publisher: Publisher, events: Readonly<Record<number, number>>, etag?: string): void {
  const manifest = Object.fromEntries(Object.entries(events).map(([number, timestamp]) => [uuidOf(Number(number)), { info: `Event ${number}`, date: '2026-11-01', timestamp: String(timestamp), Orgc: { name: 'Test' } }]))
  publisher.answers.set('/feed/manifest.json', file(JSON.stringify(manifest), etag === undefined ? {} : { etag }))
  for (const [number, timestamp] of Object.entries(events)) {
    publisher.answers.set(`/feed/${uuidOf(Number(number))}.json`, file(JSON.stringify({
      Event: {
        uuid: uuidOf(Number(number)),
        timestamp: String(timestamp),
        Attribute: [{ type: 'domain', to_ids: true, value: `c2-${number}-${timestamp}.example`, data: 'YXR0YWNobWVudA==' }]
      }
    })))
  }
}
