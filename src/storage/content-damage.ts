import { type ProblemItem, type ProblemPlace, TureenError } from '../errors.ts'
import { ContentDamaged, type ContentLease } from './content/content-store.ts'
import type { Contents } from './contents.ts'
import { inParallel } from './in-parallel.ts'

/** A stored file before its use. `what`: its name for the client, in words; `place`: the fields that name it in an error. */
export type StoredFile = { path: string; what: string; place: ProblemPlace }

/** Checks that files hold the stored bytes. @throws TureenError `TUREEN_CONTENT_DAMAGED` that names every file which does not */
export async function requireSound(
  contents: Pick<Contents, 'damage'>,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<void> {
  await requireEach(files, path => contents.damage(path, signal))
}

/**
 * Leases files, checks that they hold the stored bytes, and runs `run`. It releases them when `run` has ended.
 * @param signal ends the wait for the files
 * @throws as {@link requireSound}
 */
export async function whileSound<Result>(
  contents: Pick<Contents, 'damage' | 'lease'>,
  files: readonly StoredFile[],
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  const leases: ContentLease[] = []
  const damageOf = async (path: string) => {
    try {
      leases.push(await contents.lease(path, signal))
      return await contents.damage(path, signal)
    } catch (error) {
      if (!(error instanceof ContentDamaged)) throw error
      // The file of deleted content stays while others read it.
      return (await contents.damage(path, signal)) ?? error.damage
    }
  }
  try {
    await requireEach(files, damageOf)
    return await run()
  } finally {
    for (const lease of leases) lease.release()
  }
}

/** Leases the content at paths, and runs `run`. It releases the content when `run` has ended. @throws ContentDamaged */
export async function whileLeased<Result>(
  contents: Pick<Contents, 'lease'>,
  paths: Iterable<string>,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  const leases: ContentLease[] = []
  try {
    await inParallel(new Set(paths), async path => leases.push(await contents.lease(path, signal)))
    return await run()
  } finally {
    for (const lease of leases) lease.release()
  }
}

/** @param damageOf returns the damage of the file at a path, in words; null if it is sound */
async function requireEach(
  files: readonly StoredFile[],
  damageOf: (path: string) => Promise<string | null>,
): Promise<void> {
  const distinct = new Map<string, StoredFile>()
  for (const file of files) if (!distinct.has(file.path)) distinct.set(file.path, file)
  const damages = new Map<string, string | null>()
  await inParallel(distinct.keys(), async path => damages.set(path, await damageOf(path)))
  const errors: ProblemItem[] = []
  const described: string[] = []
  for (const [path, { what, place }] of distinct) {
    const message = damages.get(path) ?? null
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
