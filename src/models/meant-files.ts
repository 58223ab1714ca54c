import { blame } from '../errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/**
 * Returns the files of a model, with data files at the locations that the model names: see {@link meantLocation}.
 * @param label the name of the model in errors
 * @throws TureenError as `ThreadPool.inspect` does if a name may be percent-encoded and the model cannot be read
 */
export async function meantFiles<File extends { path: string; location: string }>(
  [main, ...data]: readonly [File, ...File[]],
  { locations }: Pick<ThreadPool, 'locations'>,
  label?: string,
): Promise<[File, ...File[]]> {
  const sent = data.map(({ location }) => location)
  if (!sent.some(location => /%[\da-f]{2}/i.test(location))) return [main, ...data]
  try {
    const meant = await locations({ path: main.path, sent })
    // Two parts for one location are left as they are, and refused as unknown.
    if (new Set(meant).size < meant.length) return [main, ...data]
    return [main, ...data.map((file, index) => ({ ...file, location: meant[index] ?? file.location }))]
  } catch (error) {
    throw label === undefined ? error : blame(error, label)
  }
}
