import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TooManyRequestsError } from '../../errors.js'
import { callerKey } from '../../partners/caller.js'
import type { RedisClient } from '../../platform/redis.js'
import { createSharedCounts, type SharedCounts, WINDOW_MS } from './rate-store.js'

/** Requests a minute. */
export interface RateLimits {
  /** Of one address (IPv6: one /64), for enrolment and tokens: nobody has proved who they are yet. */
  readonly perAddress: number
  /** Of one address with tokens or keys that do not count. */
  readonly failures: number
  readonly perDevice: number
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
export const RATE_LIMITS: RateLimits = { perAddress: 6_000, failures: 600, perDevice: 1_200, perTenant: 600_000, perApiKey: 1_200, perPartner: 600 }

/** A tenant's phones that were turned away come again over so many seconds, not all at once. */
const TENANT_SPREAD_SECONDS = 20

/**
 * Whom a request is counted for. Keys of all limits lie side by side, also in Redis. Ids are unique
 * as they are; to put a word before them would double the cost of a limit on the hot path.
 */
export const keyOf = {
  address: (request: FastifyRequest) => `address:${normalizeIP(request.ip)}`,
  failures: (request: FastifyRequest) => `failures:${normalizeIP(request.ip)}`,
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
 * takes nothing from the others. Call it after the agent is known.
 */
export async function addAgentLimits (app: FastifyInstance, { perDevice, perTenant }: RateLimits, { counts }: Pick<RateCounting, 'counts'>): Promise<void> {
  await addRateLimit(app, counts === undefined ? {} : { counts })
  const byDevice = app.createRateLimit({ max: perDevice, keyGenerator: keyOf.device })
  const byTenant = app.createRateLimit({ max: perTenant, keyGenerator: keyOf.tenant })
  app.addHook('onRequest', async (request, reply) => {
    const device = await byDevice(request)
    if (!device.isAllowed && device.isExceeded) refuse(reply, device.ttlInSeconds)
    const tenant = await byTenant(request)
    if (!tenant.isAllowed && tenant.isExceeded) refuse(reply, tenant.ttlInSeconds + Math.floor(Math.random() * TENANT_SPREAD_SECONDS))
  })
}

/** @throws TooManyRequestsError */
export function refuse (reply: FastifyReply, seconds: number): never {
  reply.header('retry-after', seconds)
  throw new TooManyRequestsError(seconds)
}
