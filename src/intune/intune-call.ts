import type { Logger } from 'pino'

/** One HTTP exchange with Entra's customers' services, for logs and metrics. */
export interface IntuneCall {
  readonly operation: 'graph' | 'provision' | 'deprovision' | 'heartbeat' | 'upload' | 'upload-status' | 'app-sync' | 'app-sync-answer'
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined
  readonly seconds: number
  readonly clientRequestId: string
  readonly entraTenantId?: string
}

export type CallObserver = (call: IntuneCall) => void

/** Logs every exchange with its client-request-id, which Microsoft's support asks for first. */
export function callLogger (log: Logger, onCall?: CallObserver): CallObserver {
  return (call) => {
    const { status } = call
    if (status !== undefined && status < 400) log.debug(call, 'called Microsoft')
    else log.warn(call, 'a call to Microsoft failed')
    onCall?.(call)
  }
}
