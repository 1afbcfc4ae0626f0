import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { EntraApp } from './entra-credential.js'

/** When the certificate with which an app signs in expires; undefined for other ways, which do not tell. @throws when it cannot be read */
export async function credentialExpiresAt ({ clientCertificatePath }: Pick<EntraApp, 'clientCertificatePath'>): Promise<Date | undefined> {
  return clientCertificatePath === undefined ? undefined : new Date(new X509Certificate(await readFile(clientCertificatePath)).validTo)
}
