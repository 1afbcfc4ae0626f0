import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { connect as connectTls } from 'node:tls'
import type { AddressGuard } from '../../platform/address-guard.js'
import { limitSignal } from '../../platform/limited-signal.js'
import { describeFailure } from '../../platform/request-failure.js'
import type { WaitingSignal } from '../signal-repository.js'
import { faultInUrl } from './address.js'
import type { Outcome, Sender } from './outcome.js'
import { POST_LIMITS, type PostLimits } from './poster.js'

export interface SyslogSenderOptions {
  /** `tls://host:6514` (RFC 5425), or `tcp://host:601` (RFC 6587) within the installation's own network. */
  readonly url: string
  readonly guard: AddressGuard
  readonly ca?: string | undefined
  readonly limits?: Partial<PostLimits>
}

export const SYSLOG_PROTOCOLS = { secure: 'tls:', plain: 'tcp:' } as const
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'tls:': 6514, 'tcp:': 601 }

/** log audit (13), as RFC 5424 numbers facilities. */
const FACILITY = 13
/** OCSF's severities in syslog's: informational, notice, warning, error, critical. */
const SEVERITIES: Readonly<Record<number, number>> = { 1: 6, 2: 5, 3: 4, 4: 3, 5: 2 }
const DEFAULT_SEVERITY = 6

/**
 * Syslog has no acknowledgement. So each batch has a connection of its own, which we end; a
 * receiver that then ends its side without an error has read all of it. Anything else is a failure and the
 * batch is sent again.
 */
export function createSyslogSender ({ url, guard, ca, limits: some }: SyslogSenderOptions): Sender {
  const limits = { ...POST_LIMITS, ...some }
  return {
    async send (signals, stop) {
      const outcome = await sendBatch(signals, stop)
      return new Map(signals.map(({ id }) => [id, outcome]))
    },
    close: async () => {}
  }

  async function sendBatch (signals: readonly WaitingSignal[], stop: AbortSignal): Promise<Outcome> {
    stop.throwIfAborted()
    const fault = faultInUrl(url, guard, SYSLOG_PROTOCOLS)
    if (fault !== undefined) return { status: 'failed', error: `its address ${fault}` }
    const limited = limitSignal(stop, limits.wholeMs)
    let socket: Socket | undefined
    try {
      socket = await open(limited.signal)
      await deliver(socket, signals.map(toFrame), limited.signal)
      return { status: 'delivered' }
    } catch (error) {
      if (stop.aborted) throw stop.reason
      return { status: 'failed', error: limited.isTimeUp ? `it did not take and end the connection within ${limits.wholeMs / 1000} s, so it may not have all` : describeFailure(error, limits) }
    } finally {
      limited.close()
      socket?.destroy()
    }
  }

  async function open (ends: AbortSignal): Promise<Socket> {
    const { protocol, hostname: inUrl, port } = new URL(url)
    const host = inUrl.replace(/^\[(.*)\]$/, '$1')
    const at = { host, port: port === '' ? DEFAULT_PORTS[protocol]! : Number(port), lookup: guard.lookup as never }
    const isSecure = protocol === SYSLOG_PROTOCOLS.secure
    const socket = isSecure
      ? connectTls({ ...at, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' })
      : connectTcp(at)
    await new Promise<void>((resolve, reject) => {
      const tooLong = setTimeout(() => reject(Object.assign(new Error('no connection'), { code: 'UND_ERR_CONNECT_TIMEOUT' })), limits.connectMs)
      const settle = (act: () => void) => () => {
        clearTimeout(tooLong)
        act()
      }
      socket.once(isSecure ? 'secureConnect' : 'connect', settle(resolve))
      socket.once('error', (error) => settle(() => reject(error))())
      ends.addEventListener('abort', settle(() => reject(ends.reason)), { once: true })
    }).catch((error: unknown) => {
      socket.on('error', () => {})
      socket.destroy()
      throw error
    })
    const refused = guard.refuseAddress(host, socket.remoteAddress ?? '')
    if (refused === undefined) return socket
    socket.destroy()
    throw Object.assign(new Error(refused), { code: 'address-refused' })
  }
}

/** Writes all, ends our side, and waits until the other side has ended as well. */
async function deliver (socket: Socket, frames: readonly Buffer[], ends: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', (hadError) => { if (!hadError) reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })) })
    socket.once('end', () => {
      // Before we have ended, it is no answer to our end.
      if (socket.writableFinished) resolve()
      else reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    })
    ends.addEventListener('abort', () => reject(ends.reason), { once: true })
    // Whatever a receiver says is read and left: without reading, its end would not be seen.
    socket.resume()
    for (const frame of frames) socket.write(frame)
    socket.end()
  })
}

/** A message of RFC 5424, with its length before it (octet counting, RFC 6587). Some twenty lines need no library. */
export function toFrame ({ body, type, at }: WaitingSignal): Buffer {
  const { severity_id: severityId } = body as { severity_id?: number }
  const priority = FACILITY * 8 + (SEVERITIES[severityId ?? 0] ?? DEFAULT_SEVERITY)
  const header = `<${priority}>1 ${at.toISOString()} ${headerText(hostname(), 255)} sallyport ${process.pid} ${headerText(type.replace(/^ocsf\./, ''), 32)}`
  // The mark says that what follows is UTF-8.
  const message = Buffer.from(`${header} - \ufeff${JSON.stringify(body)}`)
  return Buffer.concat([Buffer.from(`${message.length} `), message])
}

/** Printable ASCII, as headers are. */
const headerText = (text: string, maxLength: number): string => text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, maxLength) || '-'
