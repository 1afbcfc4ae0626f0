import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { exportDevice } from '../../../devices/export-device.js'
import { erasePerson, exportPerson } from '../../../devices/people.js'
import type { EndDeviceDeps } from '../../../devices/revoke-device.js'
import type { Database } from '../../../platform/database.js'
import { DeviceParams, Time, Uuid } from '../../schemas.js'

export interface PrivacyRoutesOptions extends EndDeviceDeps {
  /** Who reads the journal, whose groups hold several tenants' reports. */
  readonly replay: { readonly journalDb?: Database }
}

const Rows = Type.Array(Type.Unknown())
const DeviceExportSchema = Type.Object({
  deviceId: Uuid,
  exportedAt: Time,
  tables: Type.Record(Type.String(), Rows, { description: 'Rows by table, as they are stored (docs/privacy.md).' }),
  apps: Rows,
  reports: Rows,
  audit: Rows
}, { title: 'DeviceExport' })
const PersonParams = Type.Object({ tenantId: Uuid, entraUserId: Uuid })
const about = { tags: ['devices'], security: [{ apiKey: [] }] }

/** What is kept of a phone or a person, to be handed out or erased (docs/privacy.md). */
export const privacyRoutes: FastifyPluginAsyncTypebox<PrivacyRoutesOptions> = async (app, deps) => {
  const { replay: { journalDb } } = deps
  const exportDeps = { db: deps.db, ...(journalDb === undefined ? {} : { journalDb }) }

  app.get('/devices/:deviceId/export', {
    config: { permission: 'device:export' },
    schema: { ...about, operationId: 'exportDevice', summary: 'Everything that is kept about a phone', params: DeviceParams, response: { 200: DeviceExportSchema } }
  }, async ({ params, operator }, reply) => {
    reply.header('cache-control', 'no-store')
    return await exportDevice(exportDeps, { ...params, actor: operator.name }) as never
  })

  app.get('/people/:entraUserId/export', {
    config: { permission: 'device:export' },
    schema: { ...about, operationId: 'exportPerson', summary: 'Everything that is kept about the phones of a user, by Intune\'s word for whose they are', params: PersonParams, response: { 200: Type.Object({ entraUserId: Uuid, devices: Type.Array(DeviceExportSchema), directory: Type.Object({ devices: Rows, groups: Type.Array(Type.String()) }, { description: 'What Intune and Entra say of the user, whether a phone is enrolled or not.' }) }) } }
  }, async ({ params, operator }, reply) => {
    reply.header('cache-control', 'no-store')
    return await exportPerson(exportDeps, { ...params, actor: operator.name }) as never
  })

  app.delete('/people/:entraUserId', {
    config: { permission: 'device:erase' },
    schema: { ...about, operationId: 'erasePerson', summary: 'Forget all phones of a user; only the audit remains', params: PersonParams, response: { 200: Type.Object({ entraUserId: Uuid, erased: Type.Array(Uuid) }) } }
  }, async ({ params, operator }) => await erasePerson(deps, { ...params, actor: operator.name }) as never)
}
