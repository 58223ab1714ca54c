import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launcherBinary } from '../../src/evaluate/isolation/launcher-binary.ts'

/** The launcher of this checkout; undefined where there is none. Tests that need it are skipped then. */
export const launcher = launcherBinary()

let directories = 0

/** Makes a directory for one evaluator, whose job has one file. @returns its path, and the script's as the evaluator names it */
export function evaluatorDirectory(parent: string, script: string): { directory: string; script: string } {
  directories += 1
  const directory = join(parent, `evaluator-${directories}`)
  for (const name of ['', 'job', 'empty']) {
    mkdirSync(join(directory, name))
    // Whatever the umask is, the evaluator's user may read its own job.
    chmodSync(join(directory, name), 0o755)
  }
  const path = join(directory, 'job', 'script.mjs')
  writeFileSync(path, script)
  chmodSync(path, 0o644)
  return { directory, script: '../job/script.mjs' }
}
