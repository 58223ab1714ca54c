import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { KeepWith } from '../storage/database.ts'
import type { IdempotencyKeys, ScopedKey } from '../storage/idempotency-keys.ts'

/** How a request that creates something goes about it. */
type Creation<Body, Outcome> = {
  /** Reads the body to its end. */
  receive(): Promise<Body>
  /** What distinguishes this body from others, as a JSON value. A form's boundary, for one, does not. */
  identify(body: Body): unknown
  /** Removes what was received and is not needed. */
  discard(body: Body): Promise<void>
  /** The id of what was created, with which the key goes. */
  resource(outcome: Outcome): string
  /** Takes the body in, or removes it; calls `keep` in the transaction in which it creates something. */
  create(body: Body, keep: KeepWith<Outcome> | undefined): Promise<Outcome>
}

export type Idempotency = {
  /**
   * Creates what a request asks for, once: repeated with the same `Idempotency-Key` it has the outcome that it had, also after a
   * crash at any moment, and the header `Idempotency-Replayed: true`. The deletion of what was created frees its key, and a
   * request that is refused leaves its key free.
   *
   * After draft-ietf-httpapi-idempotency-key-header: a key that comes again with another request is 422, and with a request
   * that is still being taken in 409.
   *
   * @param schema what outcomes are
   * @throws TureenError `TUREEN_IDEMPOTENCY_KEY_BUSY`, `TUREEN_IDEMPOTENCY_KEY_REUSED`
   */
  once<Body, Outcome>(
    request: FastifyRequest,
    reply: FastifyReply,
    schema: z.ZodType<Outcome>,
    creation: Creation<Body, Outcome>,
  ): Promise<Outcome>
  /** Makes what the created thing has become the outcome of the request's key, where it is that what is answered. */
  amend(request: FastifyRequest, outcome: unknown): Promise<void>
}

const retrySeconds = 1

export function createIdempotency(keys: IdempotencyKeys): Idempotency {
  /** Keys of requests that are being taken in. One server owns the store, so that they need not be known outside. */
  const busy = new Set<string>()
  return {
    async once(request, reply, schema, { receive, identify, discard, resource, create }) {
      const scoped = keyOf(request)
      if (!scoped) return create(await receive(), undefined)
      const { key } = scoped
      const name = JSON.stringify(scoped)
      const isFirst = !busy.has(name)
      if (isFirst) busy.add(name)
      const isBusy = () => {
        reply.header('retry-after', String(retrySeconds))
        return refusal('TUREEN_IDEMPOTENCY_KEY_BUSY', key, 'belongs to a request that is still being taken in')
      }
      try {
        if (!isFirst && !(await keys.find(scoped))) throw isBusy()
        const body = await receive()
        const fingerprint = fingerprintOf(request, identify(body))
        // Only now: while the body arrived, what the key stands for may have been deleted.
        const found = await keys.find(scoped)
        const outcome = schema.safeParse(found?.outcome)
        // A key whose outcome was damaged on the disk is free again. Another request's outcome may have another form.
        const isKept = found !== undefined && (found.fingerprint !== fingerprint || outcome.success)
        if (!isKept && isFirst) {
          return await create(body, (transaction, outcome) =>
            keys.keep(transaction, scoped, { fingerprint, outcome, resource: resource(outcome) }),
          )
        }
        await discard(body)
        if (!isKept) throw isBusy()
        if (found.fingerprint !== fingerprint || !outcome.success) {
          const message = 'was sent before with another path, query or body; take a new one'
          throw refusal('TUREEN_IDEMPOTENCY_KEY_REUSED', key, message)
        }
        reply.header('idempotency-replayed', 'true')
        return outcome.data
      } finally {
        if (isFirst) busy.delete(name)
      }
    },
    async amend(request, outcome) {
      const key = keyOf(request)
      if (key) await keys.amend(key, outcome)
    },
  }
}

/** The codes that an Idempotency-Key adds to a request. */
export const idempotencyErrors = [
  'TUREEN_IDEMPOTENCY_KEY_BUSY',
  'TUREEN_IDEMPOTENCY_KEY_REUSED',
] as const satisfies readonly ErrorCode[]

function keyOf({ headers, token }: FastifyRequest): ScopedKey | undefined {
  const key = headers['idempotency-key']
  return typeof key === 'string' ? { scope: token?.name ?? '', key } : undefined
}

function fingerprintOf({ method, routeOptions, query }: FastifyRequest, body: unknown): string {
  const whole = JSON.stringify([method, routeOptions.url, query, body])
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}

function refusal(code: (typeof idempotencyErrors)[number], key: string, message: string): TureenError {
  return new TureenError(code, `The idempotency key ${key} ${message}.`, [
    { field: 'idempotency-key', actual: key, message },
  ])
}
