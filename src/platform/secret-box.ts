import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** In front of every box, should the way of encrypting ever change. */
const FORM = 1

/** Encrypts what the database keeps and who reads it must not learn. */
export interface SecretBox {
  /** @param context what the secret belongs to; it opens for nothing else */
  seal (text: string, context: string): Buffer
  /** @throws Error when no key opens it: of another installation, another context, or changed */
  open (box: Buffer, context: string): string
  /** The same secret under the first key; undefined when it is under that already. @throws Error as `open` does */
  reseal (box: Buffer, context: string): Buffer | undefined
}

/**
 * AES-256-GCM under the first key; the others only open what was sealed before a change of key.
 * @param keys base64 of 32 bytes each, separated by commas (SECRETS_KEY)
 */
export function createSecretBox (keys: string): SecretBox {
  const [sealing, ...older] = keys.split(',').map((key) => Buffer.from(key, 'base64'))
  if ([sealing!, ...older].some(({ length }) => length !== 32)) throw new Error('A key for secrets has 32 bytes, in base64.')

  const seal: SecretBox['seal'] = (text, context) => {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', sealing!, nonce).setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(FORM), nonce, cipher.getAuthTag(), sealed])
  }

  /** The secret, and the place of the key that opened it. */
  const unlock = (box: Buffer, context: string): { readonly text: string, readonly key: number } => {
    if (box[0] === FORM && box.length >= 1 + NONCE_BYTES + TAG_BYTES) {
      for (const [place, key] of [sealing!, ...older].entries()) {
        const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(context)).setAuthTag(box.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES))
        try {
          return { text: Buffer.concat([decipher.update(box.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8'), key: place }
        } catch {
          // Another key's; the last one's refusal is told below.
        }
      }
    }
    throw new Error('No key of SECRETS_KEY opens this secret.')
  }

  return {
    seal,
    open: (box, context) => unlock(box, context).text,
    reseal (box, context) {
      const { text, key } = unlock(box, context)
      return key === 0 ? undefined : seal(text, context)
    }
  }
}
