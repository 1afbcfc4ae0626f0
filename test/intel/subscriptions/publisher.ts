import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

export interface Publisher {
  readonly origin: string
  /** What was asked, in order. */
  readonly requests: Array<{ readonly path: string, readonly headers: IncomingMessage['headers'] }>
  /** What it answers for these paths; others are 404. */
  readonly answers: Map<string, Handler>
}

/** A publisher's server on loopback, gone after the test. */
export async function startPublisher (t: Test, answers: Readonly<Record<string, Handler>> = {}): Promise<Publisher> {
  const publisher = { requests: [] as Publisher['requests'], answers: new Map(Object.entries(answers)) }
  const listener: RequestListener = (request, response) => {
    publisher.requests.push({ path: request.url!, headers: request.headers })
    const handler = publisher.answers.get(request.url!.split('?')[0]!)
    if (handler === undefined) response.writeHead(404).end('nothing here')
    else handler(request, response)
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { ...publisher, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Answers with a body, and 304 when the caller has it. */
export const file = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Handler => (request, response) => {
  const isKnown = headers.etag !== undefined && request.headers['if-none-match'] === headers.etag
  response.writeHead(isKnown ? 304 : 200, headers).end(isKnown ? undefined : body)
}

export const redirect = (location: string, status = 302): Handler => (_request, response) => response.writeHead(status, { location }).end('elsewhere')
