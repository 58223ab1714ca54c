import { createHash, type Hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { parseDictionary } from 'structured-headers'
import { TureenError } from '../errors.ts'

const nodeAlgorithms: Record<string, string> = { 'sha-256': 'sha256', 'sha-512': 'sha512' }

/**
 * Hashes the body of a request while another reader reads it. `verify` compares the digests with the headers Content-Digest and
 * Repr-Digest (RFC 9530). Call it before the body is read. It ignores algorithms other than sha-256 and sha-512, as the RFC says.
 */
export function watchBodyDigest({ headers, raw }: FastifyRequest): { verify(): void } {
  const declared = (['content-digest', 'repr-digest'] as const).flatMap(field =>
    [headers[field]].flat().flatMap(header => declaredDigests(field, header)),
  )
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

type Declared = { field: string; algorithm: string; value: string }

function declaredDigests(field: string, header: string | undefined): Declared[] {
  if (header === undefined) return []
  try {
    return [...parseDictionary(header)].flatMap(([name, item]) => {
      const algorithm = nodeAlgorithms[name]
      if (!algorithm) return []
      const [value] = item
      if (!(value instanceof ArrayBuffer)) throw new TypeError(`${name} is no byte sequence`)
      return [{ field, algorithm, value: Buffer.from(value).toString('base64') }]
    })
  } catch (error) {
    const expected = 'sha-256=:BASE64:'
    const message = `the header ${field} cannot be read; RFC 9530 writes ${expected}`
    const cause = { field, expected, actual: header, message }
    throw new TureenError('TUREEN_REQUEST_INVALID', `The request is not valid: ${message}.`, [cause], { cause: error })
  }
}

/** Returns a digest as the header Repr-Digest writes it. */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256.replace('sha256:', ''), 'hex').toString('base64')}:`
}
