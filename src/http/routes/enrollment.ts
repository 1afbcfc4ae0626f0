import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { enrollDevice, type EnrollDeviceDeps } from '../../devices/enroll-device.js'
import { UnauthenticatedError } from '../../errors.js'
import { PLATFORMS } from '../../telemetry/device-state.js'

export interface EnrollmentRoutesOptions extends EnrollDeviceDeps {}

// No NUL: PostgreSQL's text cannot hold it.
const Text = (maxLength: number, description?: string) => Type.String({ maxLength, pattern: '^[^\\u0000]*$', ...(description === undefined ? {} : { description }) })

export const EnrollBodySchema = Type.Object({
  entraDeviceId: Type.String({ format: 'uuid', description: 'The Entra device id: the only key Intune knows.' }),
  intuneDeviceId: Type.Optional(Type.String({ format: 'uuid' })),
  platform: Type.Enum([...PLATFORMS]),
  osVersion: Type.Optional(Text(64, 'Android 7.0, iOS and iPadOS 11.0 or later.')),
  manufacturer: Type.Optional(Text(128)),
  model: Type.Optional(Text(128)),
  serialNumber: Type.Optional(Text(128)),
  publicKey: Type.Object({
    kty: Type.String({ maxLength: 8 }),
    crv: Type.String({ maxLength: 16 }),
    x: Type.String({ maxLength: 64 }),
    y: Type.Optional(Type.String({ maxLength: 64 }))
  }, { additionalProperties: true, description: 'The device key\'s public half as a JWK: Ed25519 or EC P-256.' })
})

export const EnrollReplySchema = Type.Object({
  deviceId: Type.String({ format: 'uuid' }),
  accessToken: Type.String(),
  expiresIn: Type.Integer({ description: 'Seconds.' })
})

/** `POST /v1/enroll`: a phone comes in with an enrolment token. Register under `/v1`. */
export const enrollmentRoutes: FastifyPluginAsyncTypebox<EnrollmentRoutesOptions> = async (app, deps) => {
  app.post('/enroll', {
    config: { access: 'enrollment-token' },
    schema: {
      operationId: 'enrollDevice',
      summary: 'Enrol a phone',
      description: 'Enrolling again with the same Entra device id and a new key replaces the key.',
      tags: ['agents'],
      security: [{ enrollmentToken: [] }],
      body: EnrollBodySchema,
      response: { 201: EnrollReplySchema }
    }
  }, async (request, reply) => {
    const enrollmentToken = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (enrollmentToken === undefined) throw new UnauthenticatedError('An enrolment token is needed: Authorization: Bearer <enrolment token>.')
    reply.code(201)
    return await enrollDevice(deps, { ...request.body, enrollmentToken })
  })
}
