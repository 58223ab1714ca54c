import { createHash } from 'node:crypto'
import type { CheckpointDescription } from '../../schemas/checkpoint.ts'

/** A file of a model. `location`: the location of external data; empty for the model's own file. */
export type ModelFile = { location: string; sha256: string; bytes: number }

/**
 * Returns the digest of a model: that of its only file, or the sha256 of the JSON list of [location, bytes, sha256] of all its files,
 * sorted by location.
 * @param root place of the dict of tensors that a client has chosen in a checkpoint: the last item of the list then
 */
export function modelDigest(files: readonly ModelFile[], root?: string): string {
  const [only] = files
  if (only && files.length === 1 && root === undefined) return only.sha256
  const sorted = [...files].sort((a, b) => (a.location < b.location ? -1 : 1))
  const items = sorted.map(({ location, bytes, sha256 }) => [location, bytes, sha256])
  const list = JSON.stringify(root === undefined ? items : [...items, { root }])
  return `sha256:${createHash('sha256').update(list).digest('hex')}`
}

/** Returns the root of a checkpoint if it is not the one that is taken by default; undefined otherwise. */
export function chosenRoot(checkpoint: CheckpointDescription | null | undefined): string | undefined {
  return checkpoint && checkpoint.root !== checkpoint.roots[0] ? checkpoint.root : undefined
}
