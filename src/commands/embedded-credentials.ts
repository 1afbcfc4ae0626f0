import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { Type, type Static } from 'typebox'

const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

const EmbeddedCredentialsSchema = Type.Object({
  tenantId: Type.String({ pattern: UUID }),
  entraTenantId: Type.String({ pattern: UUID }),
  operatorToken: Type.String({ minLength: 32 }),
  enrollmentToken: Type.String({ minLength: 32 }),
  intuneClientId: Type.String({ pattern: UUID }),
  intuneClientSecret: Type.String({ minLength: 32 })
})

/** Who is who on embedded defaults. They stay the same for a data folder, so a pasted command works tomorrow. */
export type EmbeddedCredentials = Static<typeof EmbeddedCredentialsSchema>

const secret = (prefix: string): string => prefix + randomBytes(32).toString('base64url')

/** Reads the data folder's credentials, or makes and keeps new ones (readable by the owner only). */
export async function loadEmbeddedCredentials (dataDir: string): Promise<EmbeddedCredentials> {
  const file = join(dataDir, 'credentials.json')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined) return parse(text, file)

  const credentials: EmbeddedCredentials = {
    tenantId: randomUUID(),
    entraTenantId: randomUUID(),
    operatorToken: secret('sp_'),
    enrollmentToken: secret('set_'),
    intuneClientId: randomUUID(),
    intuneClientSecret: secret('sim_')
  }
  // Whole or not at all: a crash here must not leave half a file.
  await writeFile(`${file}.new`, JSON.stringify(credentials, null, 2) + '\n', { mode: 0o600 })
  await rename(`${file}.new`, file)
  return credentials
}

function parse (text: string, file: string): EmbeddedCredentials {
  const ajv = new Ajv({ strict: false })
  try {
    const credentials: unknown = JSON.parse(text)
    if (ajv.validate<EmbeddedCredentials>(EmbeddedCredentialsSchema, credentials)) return credentials
  } catch (error) {
    throw new Error(`${file} is not JSON; bring it back from a backup, or choose another --data-dir`, { cause: error })
  }
  throw new Error(`${file} is not what Sallyport wrote there (${ajv.errorsText()}); bring it back from a backup, or choose another --data-dir`)
}
