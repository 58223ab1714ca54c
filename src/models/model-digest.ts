import { createHash } from 'node:crypto'

/** A file of a model. `location`: the location of external data; empty for the model's own file. */
export type ModelFile = { location: string; sha256: string; bytes: number }

/**
 * Returns the digest of a model: that of its only file, or the sha256 of the JSON list of [location, bytes, sha256] of all its files,
 * sorted by location.
 */
export function modelDigest(files: readonly ModelFile[]): string {
  const [only] = files
  if (only && files.length === 1) return only.sha256
  const sorted = [...files].sort((a, b) => (a.location < b.location ? -1 : 1))
  const list = JSON.stringify(sorted.map(({ location, bytes, sha256 }) => [location, bytes, sha256]))
  return `sha256:${createHash('sha256').update(list).digest('hex')}`
}
