import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TooManyRequestsError } from '../../errors.js'
import { callerKey } from '../../partners/caller.js'
import type { RedisClient } from '../../platform/redis.js'
import { countedAddress } from '../caller-address.js'
import { createSharedCounts, type SharedCounts, WINDOW_MS } from './rate-store.js'
import { createVolumeLimit } from './volume-limit.js'

/** Requests a minute. */
export interface RateLimits {
  /** Of one address (IPv6: one /64), for enrolment and tokens: nobody has proved who they are yet. */
  readonly perAddress: number
  /** Of one address with tokens or keys that do not count. */
  readonly failures: number
  readonly perDevice: number
  /** Of reports, unpacked; an hour, in each process. */
  readonly deviceBytesPerHour: number
  /** Of all phones of a tenant together. */
  readonly perTenant: number
  readonly perApiKey: number
  /** Of one relying party's app in one tenant. */
  readonly perPartner: number
}

/** Where processes count together; with neither, each counts for itself. */
export interface RateCounting {
  readonly counts?: SharedCounts
  /**
   * Counts exactly, for a question to Redis a request. Used where requests ask the database anyway;
   * reports are counted in `counts`.
   */
  readonly redis?: { readonly client: RedisClient, readonly prefix: string }
}

/** Generous: a phone sends a few reports a minute; behind one address may be a whole company. */
export const RATE_LIMITS: RateLimits = { perAddress: 6_000, failures: 600, perDevice: 1_200, deviceBytesPerHour: 64 * 1024 * 1024, perTenant: 600_000, perApiKey: 1_200, perPartner: 600 }

/** Requests of one phone that are answered at the same time: a phone sends one after the other, and each may hold megabytes. */
const MAX_IN_HAND = 16
/** What was turned away because others are being answered can come again soon. */
const IN_HAND_SECONDS = 1

/** A tenant's phones that were turned away come again over so many seconds, not all at once. */
const TENANT_SPREAD_SECONDS = 20

/**
 * Whom a request is counted for. Keys of all limits lie side by side, also in Redis. Ids are unique
 * as they are; to put a word before them would double the cost of a limit on the hot path.
 */
export const keyOf = {
  address: (request: FastifyRequest) => `address:${countedAddress(request)}`,
  failures: (request: FastifyRequest) => `failures:${countedAddress(request)}`,
  device: (request: FastifyRequest) => request.device.deviceId,
  tenant: (request: FastifyRequest) => request.device.tenantId,
  apiKey: (request: FastifyRequest) => request.operator.id,
  partner: (request: FastifyRequest) => `partner:${callerKey(request.partner)}`
}

/** Adds @fastify/rate-limit to a scope: on Redis where there is one. */
export async function addRateLimit (app: FastifyInstance, { redis, counts = createSharedCounts() }: RateCounting): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    timeWindow: WINDOW_MS,
    // A Redis that is away must not keep phones out.
    ...(redis === undefined ? { store: counts.Store } : { redis: redis.client, nameSpace: `${redis.prefix}:rate:`, skipOnError: true }),
    errorResponseBuilder: (_request, { ttl }) => new TooManyRequestsError(Math.ceil(ttl / 1000))
  })
}

/**
 * Limits reports by device, then by tenant, on counts of this process: a phone that is turned away
 * takes nothing from the others. Besides their number what a phone has in hand at a time, and how much it sends.
 * Call it after the agent is known.
 */
export async function addAgentLimits (app: FastifyInstance, { perDevice, perTenant, deviceBytesPerHour }: RateLimits, { counts }: Pick<RateCounting, 'counts'>): Promise<void> {
  await addRateLimit(app, counts === undefined ? {} : { counts })
  const byDevice = app.createRateLimit({ max: perDevice, keyGenerator: keyOf.device })
  const byTenant = app.createRateLimit({ max: perTenant, keyGenerator: keyOf.tenant })
  app.addHook('onRequest', async (request, reply) => {
    const device = await byDevice(request)
    if (!device.isAllowed && device.isExceeded) refuse(reply, device.ttlInSeconds)
    const tenant = await byTenant(request)
    if (!tenant.isAllowed && tenant.isExceeded) refuse(reply, tenant.ttlInSeconds + Math.floor(Math.random() * TENANT_SPREAD_SECONDS))
  })

  const inHand = new Map<string, number>()
  app.addHook('onRequest', (request, reply, done) => {
    const key = keyOf.device(request)
    const count = (inHand.get(key) ?? 0) + 1
    if (count > MAX_IN_HAND) refuse(reply, IN_HAND_SECONDS)
    inHand.set(key, count)
    // Also when the phone hangs up.
    reply.raw.once('close', () => {
      const left = inHand.get(key)! - 1
      if (left === 0) inHand.delete(key)
      else inHand.set(key, left)
    })
    done()
  })

  const volume = createVolumeLimit({ bytesPerHour: deviceBytesPerHour })
  // Once it is unpacked, and before it is parsed.
  app.addHook('preParsing', (request, reply, payload, done) => {
    const seconds = volume.take(keyOf.device(request), request.bodyBytes)
    if (seconds > 0) refuse(reply, seconds)
    done(null, payload)
  })
}

/** @throws TooManyRequestsError */
export function refuse (reply: FastifyReply, seconds: number): never {
  reply.header('retry-after', seconds)
  throw new TooManyRequestsError(seconds)
}
