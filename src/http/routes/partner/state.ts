import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { getConnector } from '../../../intune/get-connector.js'
import type { Database } from '../../../platform/database.js'
import { nullable, Time, Uuid } from '../../schemas.js'

export interface PartnerStateRoutesOptions {
  readonly db: Database
}

const PartnerStateSchema = Type.Object({
  entraTenantId: Uuid,
  connector: Type.Object({
    state: Type.String(),
    healthy: Type.Boolean({ description: 'False: somebody should look at it.' }),
    summary: Type.String({ description: 'What the state means and what to do, in words.' }),
    provisionedAt: nullable(Time),
    lastHeartbeatAt: nullable(Time),
    waiting: Type.Integer({ description: 'Phones whose newest state Intune does not have yet.' }),
    oldestWaitingSince: nullable(Time),
    failing: Type.Integer({ description: 'Of those, phones for which sending failed at least once.' }),
    pausedUntil: nullable(Time)
  })
}, { title: 'PartnerState' })

/** How the caller's tenant is connected. */
export const partnerStateRoutes: FastifyPluginAsyncTypebox<PartnerStateRoutesOptions> = async (app, deps) => {
  app.get('/state', {
    config: { access: 'partner' },
    schema: {
      operationId: 'getPartnerState',
      summary: 'How the caller\'s tenant is connected to Intune',
      tags: ['partners'],
      security: [{ partnerToken: [] }],
      response: { 200: PartnerStateSchema }
    }
  }, async ({ partner }) => ({ entraTenantId: partner.entraTenantId, connector: await getConnector(deps, partner) }))
}
