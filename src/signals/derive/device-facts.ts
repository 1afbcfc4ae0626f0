/** What is known of a phone beside its change. */
export interface DeviceFacts {
  readonly deviceId: string
  readonly intuneDeviceId: string | null
  readonly platform: 'android' | 'ios' | 'ipados'
  readonly osVersion: string | null
  readonly manufacturer: string | null
  readonly model: string | null
  readonly serialNumber: string | null
  readonly ownership: 'corporate' | 'personal' | null
}

/** A finding that a change opened or closed. */
export interface FindingFacts {
  readonly findingId: string
  readonly deviceId: string
  readonly detection: string
  readonly ruleVersion: number
  readonly category: string
  readonly severity: 'audit' | 'low' | 'medium' | 'high'
  readonly subject: string
  readonly title: string
  readonly evidence: ReadonlyArray<{ readonly path: string, readonly value?: unknown }>
  readonly attack: readonly string[]
  readonly remediation: { readonly user: string, readonly admin: string }
  readonly status: 'open' | 'resolved' | 'suppressed'
  readonly firstSeen: Date
  readonly lastSeen: Date
  readonly resolvedAt: Date | null
}
