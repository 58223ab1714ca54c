import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { BusyKeys } from '../storage/busy-keys.ts'
import type { KeepWith } from '../storage/database.ts'
import { parseKnown } from '../storage/documents/known-fields.ts'
import { NewerDocument } from '../storage/documents/stored-document.ts'
import type { IdempotencyKeys, ScopedKey } from '../storage/idempotency-keys.ts'
import { readOr } from '../storage/unreadable.ts'

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

/** The parts of a request that decide what it creates. */
export type KeyedRequest = Pick<FastifyRequest, 'headers' | 'token' | 'method' | 'query'> & {
  routeOptions: Pick<FastifyRequest['routeOptions'], 'url'>
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
  once<Body, Outcome extends object>(
    request: KeyedRequest,
    reply: { header(name: string, value: string): unknown },
    schema: z.ZodType<Outcome>,
    creation: Creation<Body, Outcome>,
  ): Promise<Outcome>
  /** Replaces the outcome of the request's key, if the request has one. */
  amend(request: KeyedRequest, outcome: object): Promise<void>
}

const retrySeconds = 1

/** @param busy the keys of running requests. A server that was taken for dead may still run one: then the catalog decides which one creates */
export function createIdempotency(keys: IdempotencyKeys, busy: BusyKeys): Idempotency {
  return {
    async once(request, reply, schema, { receive, identify, discard, resource, create }) {
      const scoped = keyOf(request)
      if (!scoped) return create(await receive(), undefined)
      const { key } = scoped
      const free = await busy.take(JSON.stringify(scoped))
      const isFirst = free !== undefined
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
        if (found?.outcome instanceof NewerDocument) {
          await discard(body)
          throw ofNewerVersion(key, found.outcome)
        }
        const outcome = keptOutcome(schema, found?.outcome)
        // A key whose outcome is damaged on disk is free again. The outcome of another request may have another form.
        const isKept = found !== undefined && (found.fingerprint !== fingerprint || outcome !== undefined)
        if (!isKept && isFirst) {
          if (found) await keys.free(scoped)
          return await create(body, async (transaction, outcome) => {
            const kept = { fingerprint, outcome, resource: resource(outcome) }
            if (!(await keys.keep(transaction, scoped, kept))) throw isBusy()
          })
        }
        await discard(body)
        if (!isKept) throw isBusy()
        if (found.fingerprint !== fingerprint || outcome === undefined) {
          const message = 'was sent before with another path, query or body; take a new one'
          throw refusal('TUREEN_IDEMPOTENCY_KEY_REUSED', key, message)
        }
        reply.header('idempotency-replayed', 'true')
        return outcome
      } finally {
        await free?.()
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
  'TUREEN_RECORD_UNREADABLE',
] as const satisfies readonly ErrorCode[]

function keyOf({ headers, token }: KeyedRequest): ScopedKey | undefined {
  const key = headers['idempotency-key']
  return typeof key === 'string' ? { scope: token?.name ?? '', key } : undefined
}

function fingerprintOf({ method, routeOptions, query }: KeyedRequest, body: unknown): string {
  const whole = JSON.stringify([method, routeOptions.url, query, body])
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}

/** Returns a kept outcome; undefined if it does not match the schema. */
function keptOutcome<Outcome>(schema: z.ZodType<Outcome>, outcome: object | undefined): Outcome | undefined {
  return readOr<Outcome, undefined>(
    () => parseKnown(schema, outcome),
    () => undefined,
  )
}

/** Without its outcome the server cannot repeat the answer, and to create the record once more would break the promise of the key. */
function ofNewerVersion(key: string, { message }: NewerDocument): TureenError {
  return new TureenError(
    'TUREEN_RECORD_UNREADABLE',
    `The idempotency key ${key} cannot be used: ${message}. Start that version again, or take a new key.`,
    [{ field: 'idempotency-key', actual: key, message }],
  )
}

function refusal(
  code: Exclude<(typeof idempotencyErrors)[number], 'TUREEN_RECORD_UNREADABLE'>,
  key: string,
  message: string,
): TureenError {
  return new TureenError(code, `The idempotency key ${key} ${message}.`, [
    { field: 'idempotency-key', actual: key, message },
  ])
}
