/** What the partner services answer when they refuse. Their error body is not public; the keys are those of their other answers. */
export class PartnerError extends Error {
  readonly statusCode: number

  constructor (statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

export const partnerErrorBody = (status: number, detail: string): Record<string, unknown> =>
  ({ HttpStatusCode: status, ErrorCode: status, ErrorDetail: detail })
