import { sha256 as portableSha256 } from '@noble/hashes/sha2.js'
import { piecesOf } from './transport.ts'

/** Computes a SHA-256 piece by piece. */
export type Sha256 = { update(bytes: Uint8Array): void; digest(): Uint8Array }

/**
 * Starts a SHA-256. In Node it is the built-in one. Browsers have none that takes pieces, and none at all on http://ADDRESS: there it is
 * JavaScript without WebAssembly, which a content security policy may refuse.
 */
export function createSha256(): Sha256 {
  const builtIn = typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:crypto')
  return builtIn ? builtIn.createHash('sha256') : portableSha256.create()
}

/** Returns a digest as the API writes it: `sha256:<hex>`. */
export function hexDigest(digest: Uint8Array): string {
  return `sha256:${Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Returns a digest as the headers Content-Digest and Repr-Digest (RFC 9530) write it. @param digest `sha256:<hex>` */
export function digestHeader(digest: string): string {
  const bytes = (digest.replace('sha256:', '').match(/../g) ?? []).map(pair => Number.parseInt(pair, 16))
  return `sha-256=:${btoa(String.fromCharCode(...bytes))}:`
}

/** Returns the sha256 of a header Content-Digest or Repr-Digest, as `sha256:<hex>`; undefined if it has none. */
export function declaredDigest(header: string | null): string | undefined {
  const base64 = /(?:^|[\s,])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header ?? '')?.[1]
  return base64 && hexDigest(Uint8Array.from(atob(base64), character => character.charCodeAt(0)))
}

/** Computes the digest of a Blob: `sha256:<hex>`. Rejects with the reason of the signal if that aborts. */
export async function digestOf(blob: Blob, signal?: AbortSignal): Promise<string> {
  const hash = createSha256()
  for await (const piece of piecesOf(blob)) {
    signal?.throwIfAborted()
    hash.update(piece)
  }
  return hexDigest(hash.digest())
}
