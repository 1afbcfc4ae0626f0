// @peculiar/x509 needs this polyfill, and needs it first.
import 'reflect-metadata'
import { isIP } from 'node:net'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** What a TLS server and those who are to trust it need; all PEM. */
export interface TlsIdentity {
  readonly caCertificatePem: string
  readonly certificatePem: string
  readonly privateKeyPem: string
}

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const LIFETIME_DAYS = 365

/**
 * Makes a certificate authority of its own and a server certificate for this machine's
 * loopback names. The authority's key is forgotten: it can sign nothing else.
 */
export async function createTlsIdentity (extraHosts: readonly string[] = []): Promise<TlsIdentity> {
  const { subtle } = webcrypto
  const notBefore = new Date(Date.now() - DAY_MS)
  const notAfter = new Date(Date.now() + LIFETIME_DAYS * DAY_MS)
  const [caKeys, serverKeys] = await Promise.all([1, 2].map(async () =>
    await subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']))) as [webcrypto.CryptoKeyPair, webcrypto.CryptoKeyPair]

  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Local Microsoft simulator CA, O=Not Microsoft',
    keys: caKeys,
    notBefore,
    notAfter,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey)
    ]
  })

  const hosts = [...new Set(['localhost', '127.0.0.1', '::1', ...extraHosts])]
  const server = await x509.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: ca.subject,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    notBefore,
    notAfter,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(serverKeys.publicKey)
    ]
  })

  const pkcs8 = await subtle.exportKey('pkcs8', serverKeys.privateKey)
  return {
    caCertificatePem: ca.toString('pem') + '\n',
    certificatePem: server.toString('pem') + '\n',
    privateKeyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') + '\n'
  }
}
