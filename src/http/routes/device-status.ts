import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { getDeviceStatus } from '../../devices/get-device-status.js'
import type { Database } from '../../platform/database.js'
import { DEVICE_STATES, LEVELS, SEVERITIES } from '../../risk/level.js'
import '../agent-request.js'

export interface DeviceStatusRoutesOptions {
  readonly db: Database
}

const Time = Type.String({ format: 'date-time' })
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

export const DeviceStatusSchema = Type.Object({
  state: Type.Enum([...DEVICE_STATES]),
  level: orNull(Type.Enum([...LEVELS])),
  since: orNull(Time),
  language: Type.String(),
  findings: Type.Array(Type.Object({
    findingId: Type.String(),
    detection: Type.String(),
    category: Type.String(),
    severity: Type.Enum([...SEVERITIES]),
    subject: Type.String(),
    title: Type.String({ description: 'What is wrong, in the user\'s words.' }),
    steps: Type.Array(Type.String(), { description: 'What to do, in this order.' }),
    since: Time,
    expiresAt: orNull(Time)
  })),
  access: Type.Object({
    outlook: Type.Enum(['granted', 'at-risk', 'unknown']),
    reported: Type.Boolean({ description: 'Intune has acknowledged the present level.' }),
    text: Type.String()
  })
})

/** `GET /v1/device/status`: what the phone shows its user. Register under `/v1`, behind the agents' authentication. */
export const deviceStatusRoutes: FastifyPluginAsyncTypebox<DeviceStatusRoutesOptions> = async (app, deps) => {
  app.get('/device/status', {
    config: { access: 'agent' },
    schema: {
      operationId: 'getDeviceStatus',
      summary: 'Level, findings and what to do',
      tags: ['agents'],
      security: [{ accessToken: [] }],
      headers: Type.Object({ 'accept-language': Type.Optional(Type.String({ description: 'English (en) and German (de) are there.' })) }),
      response: { 200: DeviceStatusSchema }
    }
  }, async (request, reply) => {
    const status = await getDeviceStatus(deps, { ...request.device, acceptLanguage: request.headers['accept-language'] })
    reply.header('content-language', status.language).header('vary', 'accept-language').header('cache-control', 'no-store')
    return status as Static<typeof DeviceStatusSchema>
  })
}
