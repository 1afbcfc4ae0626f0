// @peculiar/x509 needs this polyfill, and needs it first.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Test } from 'tap'

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 }

/** An RSA certificate with its key, as administrators keep it: one PEM file. */
export async function makeCertificate (t: Test): Promise<{ certificatePem: string, file: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Sallyport',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000)
  }, webcrypto as never)
  const certificatePem = certificate.toString('pem') + '\n'
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  const folder = t.testdir({ 'app.pem': `${key}\n${certificatePem}` })
  return { certificatePem, file: join(folder, 'app.pem') }
}
