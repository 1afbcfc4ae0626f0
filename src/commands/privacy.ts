import { exportDevice } from '../devices/export-device.js'
import { eraseDevice } from '../devices/erase-device.js'
import { erasePerson, exportPerson } from '../devices/people.js'
import { describeError } from './open-intel.js'
import { type OpenedDatabase, tenantOf, withStore } from './open-database.js'

interface Options { device?: string, user?: string, tenant?: string, dataDir?: string }

const ACTOR = 'command line'
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** `sallyport privacy export`: everything that is kept about a phone or a person, as JSON. */
export async function runExportPersonalData (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const whose = whoseOf(options)
  await withStore(env, options.dataDir, async ({ db }) => {
    const about = { tenantId: await tenantOf(db, options.tenant), actor: ACTOR }
    const answer = 'deviceId' in whose ? await exportDevice({ db, maxBytes: Infinity }, { ...about, ...whose }).catch(fail) : await exportPerson({ db, maxBytes: Infinity }, { ...about, ...whose }).catch(fail)
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  })
}

/** `sallyport privacy erase`: forgets a phone, or all phones of a person; only the audit remains. */
export async function runErasePersonalData (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const whose = whoseOf(options)
  await withStore(env, options.dataDir, async (store) => {
    const about = { tenantId: await tenantOf(store.db, options.tenant), actor: ACTOR }
    const deps = await endDepsOf(store)
    const answer = 'deviceId' in whose ? await eraseDevice(deps, { ...about, ...whose }).catch(fail) : await erasePerson(deps, { ...about, ...whose }).catch(fail)
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  })
}

/** @throws unless exactly one is named */
function whoseOf ({ device, user }: Options): { readonly deviceId: string } | { readonly entraUserId: string } {
  if ((device === undefined) === (user === undefined)) throw new Error('one of --device and --user is needed')
  if (device !== undefined) return { deviceId: device }
  if (!GUID.test(user!.toLowerCase())) throw new Error('--user must be the object id of a user in Entra, a GUID')
  return { entraUserId: user!.toLowerCase() }
}

/** API processes follow what the database says of credentials: theirs end within seconds. */
const endDepsOf = async ({ db, log, queues }: OpenedDatabase): Promise<Parameters<typeof eraseDevice>[0]> => ({ db, log, cutoffs: { advance () {} }, sync: (await queues()).producer('sync') })

const fail = (error: unknown): never => { throw new Error(describeError(error)) }
