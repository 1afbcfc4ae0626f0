import { SentinelConnector } from 'ioredis'

/**
 * As ioredis has it, but for one moment: word of a failover that comes while it already asks the Sentinels for the new master
 * ended the connection for good (its `disconnect` makes the asking fail, and a connection that fails so is not tried again). Who
 * connects anew needs no word; the next connection listens for itself.
 */
export class PatientSentinelConnector extends SentinelConnector {
  /** With the options of the connection, whose type ioredis leaves open here. */
  constructor (options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0])
  }

  override async connect (...args: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    const listening = this as unknown as { failoverDetector: { cleanup (): void } | null }
    listening.failoverDetector?.cleanup()
    listening.failoverDetector = null
    return await super.connect(...args)
  }
}
