import type { Limit } from './derive/compliance.js'

/** Who is told, and how: streams of OpenID Shared Signals, Standard Webhooks, and OCSF for a SIEM. */
export const DESTINATION_KINDS = ['ssf', 'webhook', 'ocsf-https', 'ocsf-syslog'] as const
export type DestinationKind = (typeof DESTINATION_KINDS)[number]

/** `paused`: what happens meanwhile is told later; `disabled`: it is not. */
export const DESTINATION_STATUSES = ['enabled', 'paused', 'disabled'] as const
export type DestinationStatus = (typeof DESTINATION_STATUSES)[number]

/** Of a stream. */
export interface StreamSettings {
  readonly method: 'push' | 'poll'
  /** As the receiver asked, also what we do not know; null: it did not say. */
  readonly eventsRequested: readonly string[] | null
  readonly description: string | null
  /** The least level at which a phone is not compliant. */
  readonly notCompliantFrom: Limit
}

export interface WebhookSettings {
  /** Null: all. */
  readonly eventTypes: readonly string[] | null
}

export interface OcsfSettings {
  readonly notCompliantFrom: Limit
  /** PEM of the authorities to trust in place of the usual ones. */
  readonly caCertificate: string | null
  /** Over HTTPS: all in one JSON array, or a line each. */
  readonly format: 'array' | 'ndjson'
}

export interface SettingsOf {
  readonly ssf: StreamSettings
  readonly webhook: WebhookSettings
  readonly 'ocsf-https': OcsfSettings
  readonly 'ocsf-syslog': OcsfSettings
}

/** What is kept sealed with a destination. */
export interface DestinationSecret {
  /** `Authorization` that the receiver asks for. */
  readonly authorization?: string
  /** Of a webhook, the newest first; those that were replaced sign along until their time. */
  readonly signing?: ReadonlyArray<{ readonly secret: string, readonly untilMs: number | null }>
}

interface DestinationOf<K extends DestinationKind> {
  readonly kind: K
  readonly settings: SettingsOf[K]
  readonly id: string
  readonly tenantId: string
  readonly name: string
  /** Of a stream: whose it is. */
  readonly receiver: string | null
  /** Null: it is polled. */
  readonly url: string | null
  readonly secret: Buffer | null
  readonly status: DestinationStatus
  readonly statusReason: string | null
  readonly position: number
  readonly failures: number
  readonly failingSince: Date | null
}

/** One that is told of a tenant's changes. */
export type Destination = { [K in DestinationKind]: DestinationOf<K> }[DestinationKind]
export type Stream = Extract<Destination, { readonly kind: 'ssf' }>

/** Something to be told to one destination. */
export interface NewSignal {
  readonly id: string
  /** Null: about the destination itself. */
  readonly deviceId: string | null
  readonly type: string
  readonly body: object
  readonly at: Date
}

/** What a secret belongs to: an authorization opens for its origin only, so that whoever changes an address does not get it. */
export function secretContext ({ id, kind, url }: Pick<Destination, 'id' | 'kind' | 'url'>): string {
  return kind === 'webhook' || url === null ? `signal:${id}` : `signal:${id}:${new URL(url).protocol}//${new URL(url).host}`
}
