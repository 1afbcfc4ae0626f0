import { NotFoundError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { findEntraTenantId } from '../fact-repository.js'
import { issuerOf } from './addresses.js'

export const PUSH = 'urn:ietf:rfc:8935'
export const POLL = 'urn:ietf:rfc:8936'

export interface MetadataDeps {
  readonly db: Database
  readonly publicUrl: () => string
  /** Undefined: there is nothing to sign with, hence no transmitter. */
  readonly secrets: unknown
}

/** A tenant's transmitter as it presents itself (SSF 1.0, section 7.1). @throws NotFoundError */
export async function getTransmitterMetadata ({ db, publicUrl, secrets }: MetadataDeps, tenantId: string) {
  if (secrets === undefined || await findEntraTenantId(db, tenantId) === undefined) throw new NotFoundError('There is no transmitter here.')
  const issuer = issuerOf(publicUrl(), tenantId)
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${issuer}/jwks.json`,
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${issuer}/streams`,
    status_endpoint: `${issuer}/status`,
    add_subject_endpoint: `${issuer}/subjects/add`,
    remove_subject_endpoint: `${issuer}/subjects/remove`,
    verification_endpoint: `${issuer}/verify`,
    critical_subject_members: ['device', 'tenant'],
    // Bearer tokens: API keys that an operator hands out.
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
    default_subjects: 'ALL'
  }
}
