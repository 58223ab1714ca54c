import { createHash, type Hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { parseDictionary } from 'structured-headers'
import { TureenError } from '../errors.ts'

/** The algorithms that are verified: their names in Node, and the bytes of their digests. */
const algorithms: Record<string, { algorithm: string; digestBytes: number }> = {
  'sha-256': { algorithm: 'sha256', digestBytes: 32 },
  'sha-512': { algorithm: 'sha512', digestBytes: 64 },
}

/**
 * Hashes the body of a request while another reader reads it. `verify` compares the digests with the headers Content-Digest and
 * Repr-Digest (RFC 9530). Call it before the body is read. It ignores algorithms other than sha-256 and sha-512, as the RFC says.
 */
export function watchBodyDigest({ headers, raw }: FastifyRequest): { verify(): void } {
  const declared = digestsIn(headers)
  const hashes = new Map<string, Hash>()
  for (const { algorithm } of declared) hashes.set(algorithm, hashes.get(algorithm) ?? createHash(algorithm))
  if (hashes.size > 0) {
    raw.on('data', (chunk: Uint8Array) => {
      for (const hash of hashes.values()) hash.update(chunk)
    })
  }
  return {
    verify() {
      const actual = new Map([...hashes].map(([algorithm, hash]) => [algorithm, hash.digest('base64')]))
      const wrong = declared.find(({ algorithm, value }) => actual.get(algorithm) !== value)
      if (!wrong) return
      const { field, algorithm, value } = wrong
      const found = actual.get(algorithm) ?? ''
      const message = `the body's ${algorithm} is ${found}, and the header ${field} says ${value}`
      throw new TureenError(
        'TUREEN_DIGEST_MISMATCH',
        `The body was damaged on its way: ${message}. Nothing was kept. Send the body again.`,
        [{ field, expected: value, actual: found, message }],
      )
    },
  }
}

/** Returns the sha256 that a request declares for its body, as `sha256:<hex>`; undefined if it declares none. */
export function declaredSha256(headers: IncomingHttpHeaders): string | undefined {
  const declared = digestsIn(headers).find(({ algorithm }) => algorithm === 'sha256')
  return declared && `sha256:${Buffer.from(declared.value, 'base64').toString('hex')}`
}

/** A digest that a request declares. `value`: base64. */
type Declared = { field: string; algorithm: string; value: string }

function digestsIn(headers: IncomingHttpHeaders): Declared[] {
  return (['content-digest', 'repr-digest'] as const).flatMap(field =>
    [headers[field]].flat().flatMap(header => declaredDigests(field, header)),
  )
}

function declaredDigests(field: string, header: string | undefined): Declared[] {
  if (header === undefined) return []
  try {
    return [...parseDictionary(header)].flatMap(([name, item]) => {
      const known = algorithms[name]
      if (!known) return []
      const [value] = item
      if (!(value instanceof ArrayBuffer)) throw new TypeError(`${name} is no byte sequence`)
      if (value.byteLength !== known.digestBytes) throw new RangeError(`${name} has ${value.byteLength} bytes`)
      return [{ field, algorithm: known.algorithm, value: Buffer.from(value).toString('base64') }]
    })
  } catch (error) {
    throw unreadable(field, header, error)
  }
}

function unreadable(field: string, actual: string, reason: unknown): TureenError {
  const hex = /(?<![\da-z])([\da-f]{128}|[\da-f]{64})(?![\da-z])/i.exec(actual)?.[1]
  const algorithm = hex?.length === 128 ? 'sha-512' : 'sha-256'
  const expected =
    hex === undefined ? 'sha-256=:BASE64:' : `${algorithm}=:${Buffer.from(hex, 'hex').toString('base64')}:`
  const message =
    hex === undefined
      ? `the header ${field} cannot be read; RFC 9530 writes ${expected}`
      : `the header ${field} has a digest in hexadecimal digits; RFC 9530 writes it in base64 between colons: ${expected}`
  const cause = { field, expected, actual, message }
  return new TureenError('TUREEN_REQUEST_INVALID', `The request is not valid: ${message}.`, [cause], { cause: reason })
}

/** Returns a digest as the header Repr-Digest writes it. */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256.replace('sha256:', ''), 'hex').toString('base64')}:`
}
