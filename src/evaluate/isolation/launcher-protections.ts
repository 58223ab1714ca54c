import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { makeJobDirectory } from '../job-directory.ts'
import { type LauncherOptions, launcherWords } from './launcher-options.ts'

const protections = z.strictObject({
  landlockAbi: z.int().transform(abi => abi || null),
  seccomp: z.boolean(),
  fileSystem: z.boolean(),
  network: z.boolean(),
  processes: z.boolean(),
  ownUser: z.boolean(),
})

/**
 * Protections that hold in the launcher's sandbox:
 *
 * - `landlockAbi`: the ABI of Landlock in use; null without Landlock
 * - `seccomp`: unknown system calls fail
 * - `fileSystem`: nothing but the program and the job's files can be read, and nothing can be written
 * - `network`: no socket can be made
 * - `processes`: no process can be started, signalled or limited, and no other program executed
 * - `ownUser`: evaluators have a user of their own
 */
export type LauncherProtections = z.infer<typeof protections>

/** The most milliseconds of a probe. */
const probeMilliseconds = 20_000

/**
 * Has a sandboxed process try what it must not do, which takes about 2 ms. The process also reads everything that an evaluator needs.
 *
 * @param parent the directory of evaluators' directories
 * @throws Error with the step that failed if evaluators cannot run in the sandbox on this system, or by this user
 */
export async function probeLauncher(options: LauncherOptions, parent: string): Promise<LauncherProtections> {
  const directory = await makeJobDirectory(parent)
  try {
    await writeFile(join(directory.path, 'job', 'probe'), '')
    const words = ['probe', directory.path, ...launcherWords(options)]
    const limits = { env: {}, timeout: probeMilliseconds, killSignal: 'SIGKILL' } as const
    const { stdout } = await promisify(execFile)(options.binary, words, limits).catch(error => {
      const { message, stderr, killed } = Object(error)
      if (killed) throw new Error(`The launcher's probe took longer than ${probeMilliseconds} ms`, { cause: error })
      throw new Error(`The launcher could not ${String(stderr || message).trim()}`, { cause: error })
    })
    return protections.parse(JSON.parse(stdout))
  } finally {
    await directory.remove()
  }
}
