import type { Stream } from '../destination.js'

/** Where a tenant's transmitter is. `publicUrl` is the API's, without a slash at its end. */
export const issuerOf = (publicUrl: string, tenantId: string): string => `${publicUrl.replace(/\/$/, '')}/v1/ssf/${tenantId}`

/** Who a stream's tokens are for: the receiver, by the name of its API keys. */
export const audienceOf = (publicUrl: string, { tenantId, receiver }: Pick<Stream, 'tenantId' | 'receiver'>): string =>
  `${issuerOf(publicUrl, tenantId)}/receivers/${encodeURIComponent(receiver ?? '')}`

/** Where a stream's tokens are fetched. */
export const pollUrlOf = (publicUrl: string, { tenantId, id }: Pick<Stream, 'tenantId' | 'id'>): string => `${issuerOf(publicUrl, tenantId)}/streams/${id}/poll`
