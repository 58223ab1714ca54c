import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { KeepWith } from '../storage/database.ts'
import type { IdempotencyKeys, ScopedKey } from '../storage/idempotency-keys.ts'

/** The steps of a request that creates something. */
type Creation<Body, Outcome> = {
  /** Reads the body to its end. */
  receive(): Promise<Body>
  /** Returns a JSON value that is equal for equal bodies. A form's boundary, for example, is no part of it. */
  identify(body: Body): unknown
  /** Removes a received body that is not needed. */
  discard(body: Body): Promise<void>
  /** Returns the id of the created record. The key is deleted with that record. */
  resource(outcome: Outcome): string
  /** Stores the body, or removes it. Calls `keep` in the transaction that creates the record. */
  create(body: Body, keep: KeepWith<Outcome> | undefined): Promise<Outcome>
}

export type Idempotency = {
  /**
   * Creates a record once for each `Idempotency-Key`. A repeated request gets the first outcome, also after a crash, and the header
   * `Idempotency-Replayed: true`. A refused request leaves its key free, and the deletion of the record frees it again.
   *
   * It follows draft-ietf-httpapi-idempotency-key-header. The same key with another request is 422; a repeated request is 409 while the
   * first one is still running.
   *
   * @param schema the schema of outcomes
   * @throws TureenError `TUREEN_IDEMPOTENCY_KEY_BUSY`, `TUREEN_IDEMPOTENCY_KEY_REUSED`
   */
  once<Body, Outcome>(
    request: FastifyRequest,
    reply: FastifyReply,
    schema: z.ZodType<Outcome>,
    creation: Creation<Body, Outcome>,
  ): Promise<Outcome>
  /** Replaces the outcome of the request's key, if the request has one. */
  amend(request: FastifyRequest, outcome: unknown): Promise<void>
}

const retrySeconds = 1

export function createIdempotency(keys: IdempotencyKeys): Idempotency {
  /** Keys of running requests. One server owns the store, so memory is enough. */
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
        // The body may take long to arrive, and a client may have deleted the record meanwhile. So look up the key now.
        const found = await keys.find(scoped)
        const outcome = schema.safeParse(found?.outcome)
        // A key whose outcome is damaged on disk is free again. The outcome of another request may have another form.
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

/** Error codes that an Idempotency-Key adds to a request. */
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
