import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buildSimulatorApp, type SimulatorAppOptions } from './app.js'
import { createTlsIdentity } from './certificates.js'

export interface IntuneSimulatorOptions extends SimulatorAppOptions {
  /** Address to listen on; loopback unless told. */
  readonly host?: string
  /** 0 or absent: any free one. */
  readonly httpPort?: number
  readonly httpsPort?: number
  /** Name under which others reach it when it is not `host` (a container's name); also put into the certificate. */
  readonly publicHost?: string
}

export interface IntuneSimulator {
  /** For people, scripts and `/_sim`. */
  readonly httpUrl: string
  /** For Microsoft's libraries, which accept nothing else. */
  readonly httpsUrl: string
  /** Who is to trust `httpsUrl` needs this authority (PEM). It is new at every start. */
  readonly caCertificatePem: string
  close (): Promise<void>
}

/** Starts the simulator on an http and an https port; both serve the same routes and the same memory. */
export async function startIntuneSimulator (options: IntuneSimulatorOptions = {}): Promise<IntuneSimulator> {
  const { host = '127.0.0.1', httpPort = 0, httpsPort = 0, publicHost } = options
  const reachableHost = publicHost ?? (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host)
  const [tls, { app, origins }] = await Promise.all([createTlsIdentity([reachableHost]), buildSimulatorApp(options)])
  const originOf = (scheme: string, address: AddressInfo): string => `${scheme}://${reachableHost.includes(':') ? `[${reachableHost}]` : reachableHost}:${address.port}`

  await app.ready()
  const secureServer = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, app.routing)
  // A port in use leaves nothing behind: both servers are closed again.
  const close = async (): Promise<void> => {
    const secureClosed = secureServer.listening ? once(secureServer, 'close') : undefined
    secureServer.close()
    secureServer.closeAllConnections()
    await app.close()
    await secureClosed
  }
  try {
    secureServer.listen({ host, port: httpsPort })
    await once(secureServer, 'listening')
    await app.listen({ host, port: httpPort })
  } catch (error) {
    await close()
    throw error
  }
  origins.http = originOf('http', app.server.address() as AddressInfo)
  origins.https = originOf('https', secureServer.address() as AddressInfo)
  return { httpUrl: origins.http, httpsUrl: origins.https, caCertificatePem: tls.caCertificatePem, close }
}
