import { randomUUID } from 'node:crypto'

/** An error of Microsoft Graph: HTTP status, Graph's code and its text. */
export class GraphError extends Error {
  readonly statusCode: number
  readonly graphCode: string

  constructor (statusCode: number, graphCode: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.graphCode = graphCode
  }
}

export const badRequest = (message: string): GraphError => new GraphError(400, 'BadRequest', message)
export const notFound = (message: string): GraphError => new GraphError(404, 'ResourceNotFound', message)

export function graphErrorBody (code: string, message: string, clientRequestId: string | undefined): Record<string, unknown> {
  const requestId = randomUUID()
  return {
    error: {
      code,
      message,
      innerError: { date: new Date().toISOString().slice(0, 19), 'request-id': requestId, 'client-request-id': clientRequestId ?? requestId }
    }
  }
}
