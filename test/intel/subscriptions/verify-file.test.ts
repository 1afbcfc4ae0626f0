import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import t from 'tap'
import { readChecksum, readMinisignKey, requireChecksum, requireSignature } from '../../../src/intel/subscriptions/verify-file.js'

const sha = (text: string, algorithm = 'sha256'): string => createHash(algorithm).update(text).digest('hex')

t.test('checksum files are read as publishers write them', async (t) => {
  const [ours, other] = [sha('ours'), sha('other')]
  for (const text of [
    ours, `${ours}\n`, ours.toUpperCase(), `${ours}  list.csv\n`, `${ours} *list.csv\r\n`, `${other}  other.csv\n${ours}  ./out/list.csv\n`, `SHA256 (list.csv) = ${ours}`,
    `lastModifiedDate:2026-11-23T03:00:00-05:00\r\nsize:1234\r\nsha256:${ours}\r\n`, `# made today\n\n${ours}  renamed.csv`, `{\n "sha256": "${ours}"\n}`
  ]) t.strictSame(readChecksum(text, 'list.csv'), { algorithm: 'sha256', hex: ours }, text)
  t.match(readChecksum(`${sha('x', 'sha512')}  list.csv`, 'list.csv'), { algorithm: 'sha512' })
  for (const text of ['', 'nothing', ours.slice(1), `${ours}  a.csv\n${other}  b.csv`, `${ours}  list.csv\n${other}  list.csv`, '<html>404</html>']) {
    t.throws(() => readChecksum(text, 'list.csv'), { code: 'fetch-failed' }, text)
  }
})

t.test('a file is what its checksum says, packed or unpacked', async (t) => {
  await requireChecksum(sha('packed'), 'f', [Buffer.from('packed'), Buffer.from('plain')])
  await requireChecksum(sha('plain'), 'f', [Buffer.from('packed'), Buffer.from('plain')])
  await requireChecksum(sha('x'.repeat(5_000_000), 'sha512'), 'f', [Buffer.from('x'.repeat(5_000_000))])
  await t.rejects(requireChecksum(sha('other'), 'f', [Buffer.from('packed')]), { code: 'fetch-failed', kind: 'not-valid' })
})

/** A publisher who signs as minisign does. */
function createSigner () {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keyId = randomBytes(8)
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  return {
    publicKey: `untrusted comment: minisign public key\n${Buffer.concat([Buffer.from('Ed'), keyId, raw]).toString('base64')}\n`,
    sign (body: Buffer, { algorithm = 'ED', comment = 'timestamp:1 file:list.csv hashed' } = {}): string {
      const signature = sign(null, algorithm === 'ED' ? createHash('blake2b512').update(body).digest() : body, privateKey)
      const overComment = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey)
      return ['untrusted comment: signature', Buffer.concat([Buffer.from(algorithm), keyId, signature]).toString('base64'), `trusted comment: ${comment}`, overComment.toString('base64'), ''].join('\n')
    }
  }
}

t.test('a minisign signature holds for the file, the key and the comment', async (t) => {
  const signer = createSigner()
  const key = readMinisignKey(signer.publicKey)!
  const body = randomBytes(3_000_000)
  for (const algorithm of ['ED', 'Ed']) await requireSignature(signer.sign(body, { algorithm }), key, body)
  const changed = Buffer.from(body)
  changed[1_000_000]! ^= 1
  for (const algorithm of ['ED', 'Ed']) await t.rejects(requireSignature(signer.sign(body, { algorithm }), key, changed), /not what its signature says/)
  await t.rejects(requireSignature(signer.sign(body).replace('timestamp:1', 'timestamp:2'), key, body), /comment was changed/)
  await t.rejects(requireSignature(createSigner().sign(body), key, body), /is by key [0-9A-F]{16}, not by/)
  for (const text of ['', 'no signature', '-----BEGIN PGP SIGNATURE-----', signer.sign(body).split('\n').slice(0, 2).join('\n'), signer.sign(body, { algorithm: 'XX' })]) {
    await t.rejects(requireSignature(text, key, body), /not one of minisign/)
  }
})

// Made with minisign itself (its README): the key that signs minisign's own releases.
t.test('a public key is read as file and as line, and nothing else is one', async (t) => {
  const line = 'RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3'
  t.equal(readMinisignKey(line)?.keyId.toString('hex'), '1fe8b442180f62e7')
  t.same(readMinisignKey(`untrusted comment: minisign public key E7620F1842B4E81F\n${line}\n`), readMinisignKey(line))
  for (const text of ['', line.slice(4), `${line}AAAA`, 'ssh-ed25519 AAAA', Buffer.alloc(42).toString('base64')]) t.equal(readMinisignKey(text), undefined, text)
})
