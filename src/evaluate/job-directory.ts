import { chmod, mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { unlessMissing } from '../storage/missing-file.ts'
import { makeLinks, type OwnLink, removeLinks } from '../storage/own-links.ts'
import type { Task } from './protocol.ts'
import { withPaths } from './task-files.ts'

/**
 * The directory of one evaluator process: `job/` with the files of its present task, and `empty/`, its working directory. The evaluator may
 * read both, and write neither.
 */
export type JobDirectory = {
  readonly path: string
  /**
   * Puts the files of a task into the directory, and removes those of earlier tasks that it does not need. A file keeps its name as long as
   * each task needs it.
   * @returns the task with the paths as the evaluator sees them
   * @throws Error of the system if a file is missing, or if the directory is gone
   */
  hold(task: Task): Promise<Task>
  /** Removes all files: nothing of the job is left. The directory takes no more of them. */
  clear(): Promise<void>
  /** Removes the directory. */
  remove(): Promise<void>
}

/** The place of `job/` as the evaluator sees it. The user of the evaluator need not be able to walk through the data directory. */
const asSeen = '../job'

const prefix = 'process-'

/**
 * Makes the directory that holds those of evaluators. Removes the ones that a killed server has left, if it can.
 * @throws Error of the system if there can be no such directory
 */
export async function clearJobDirectories(parent: string): Promise<void> {
  const names = (await unlessMissing(readdir(parent))) ?? []
  for (const name of names.filter(each => each.startsWith(prefix)))
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined)
  // Earlier versions have made one that nobody can write to, perhaps by another user.
  await rmdir(parent).catch(() => undefined)
  await mkdir(parent, { recursive: true })
}

/** Makes the directory of an evaluator below `parent`. */
export async function makeJobDirectory(parent: string): Promise<JobDirectory> {
  const path = await mkdtemp(join(parent, prefix))
  const job = join(path, 'job')
  const empty = join(path, 'empty')
  await mkdir(job)
  await mkdir(empty)
  // The evaluator may run as another user than the server, whatever the umask is.
  await chmod(job, 0o755)
  await chmod(empty, 0o555)
  await chmod(path, 0o711)
  let held = new Map<string, string>()
  let named = 0
  let cleared = false
  const inTurn = pLimit(1)
  const linksOf = (names: Iterable<[path: string, name: string]>): OwnLink[] =>
    [...names].map(([file, name]) => ({ path: file, link: join(job, name) }))
  const clear = () =>
    inTurn(async () => {
      cleared = true
      await removeLinks(linksOf(held))
      held.clear()
    })
  return {
    path,
    hold: task =>
      inTurn(async () => {
        const needed = new Map<string, string>()
        const renamed = withPaths(task, (file, kind) => {
          const known = needed.get(file) ?? held.get(file)
          const name = known ?? `${named}.${kind}`
          if (known === undefined) named += 1
          needed.set(file, name)
          return `${asSeen}/${name}`
        })
        const added = [...needed].filter(([file]) => !held.has(file))
        const over = [...held].filter(([file]) => !needed.has(file))
        await removeLinks(linksOf(over))
        for (const [file] of over) held.delete(file)
        if (!cleared) await makeLinks(linksOf(added))
        held = needed
        return renamed
      }),
    clear,
    async remove() {
      await clear()
      await rm(path, { recursive: true, force: true })
    },
  }
}
