import { type ProblemItem, type ProblemPlace, TureenError } from '../errors.ts'
import type { Contents } from './contents.ts'

/** A stored file before its use. `what`: its name for the client, in words; `place`: the fields that name it in an error. */
export type StoredFile = { path: string; what: string; place: ProblemPlace }

/** Checks that files hold the stored bytes. @throws TureenError `TUREEN_CONTENT_DAMAGED` that names every file which does not */
export async function requireSound(
  contents: Contents,
  files: readonly StoredFile[],
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const checked = new Set<string>()
  const errors: ProblemItem[] = []
  const described: string[] = []
  for (const { path, what, place } of files) {
    if (checked.has(path)) continue
    checked.add(path)
    const message = await contents.damage(path, signal)
    if (message === null) continue
    errors.push({ ...place, message })
    described.push(`${what} ${message}`)
  }
  if (errors.length === 0) return
  throw new TureenError(
    'TUREEN_CONTENT_DAMAGED',
    `Stored files have changed on the disk: ${described.join('; ')}. Upload the same file again to replace the damaged one, and check the disk.`,
    errors,
  )
}
