import { chmod, lstat, readdir, rm, stat, symlink } from 'node:fs/promises'
import { getCompileCacheDir } from 'node:module'
import { basename, join } from 'node:path'
import { inParallel } from '../../storage/in-parallel.ts'

/**
 * Lets another user read the compiled code of this server, so that evaluators of that user need not compile: they would take three times as
 * long to start. Node keeps the code in a directory with the number of the user, and lets no other user read its files. The directory of the
 * other user is a link. Nothing is done if no file came since the link was made, nor where the program is read-only.
 *
 * @param compiled the directory of this process
 */
export async function shareCompiledCode(
  user: number,
  compiled: string | undefined = getCompileCacheDir(),
): Promise<void> {
  if (compiled === undefined) return
  const link = compiled.replace(/\d+$/, String(user))
  try {
    const made = await lstat(link).catch(() => undefined)
    if (made && made.mtimeMs > (await stat(compiled)).mtimeMs) return
    await inParallel(await readdir(compiled), name => chmod(join(compiled, name), 0o644))
    await rm(link, { force: true })
    await symlink(basename(compiled), link)
  } catch {
    // Evaluators compile, or another server has just made the link.
  }
}
