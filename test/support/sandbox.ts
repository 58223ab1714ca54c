import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launcherBinary } from '../../src/evaluate/isolation/launcher-binary.ts'

/** The launcher of this checkout; undefined where there is none. Tests that need it are skipped then. */
export const launcher = launcherBinary()

/** Things that a probe in an evaluator's place tries to reach. Paths in `..` are those of its own job. */
export type ProbeTarget = {
  /** Process id of the server. */
  server: number
  /** A file of its job, which is a link to a file of the store; other files and folders of the store. */
  own: string
  foreign: string[]
  folders: string[]
  /** Paths at which it tries to make files. */
  places: string[]
  /** A port on loopback at which something listens, and a socket. */
  port: number
  socket: string
  /** Path of the loader of programs. */
  loader: string
}

let directories = 0

/** Makes a directory for one evaluator, whose job has a script. Returns its path, and the script's as the evaluator names it. */
export function evaluatorDirectory(parent: string, script: string): { directory: string; script: string } {
  directories += 1
  const directory = join(parent, `evaluator-${directories}`)
  for (const name of ['', 'job', 'empty']) {
    mkdirSync(join(directory, name))
    // Whatever the umask is, the evaluator's user may read its own job.
    chmodSync(join(directory, name), 0o755)
  }
  const path = join(directory, 'job', 'script.mts')
  writeFileSync(path, script)
  chmodSync(path, 0o644)
  return { directory, script: '../job/script.mts' }
}

/** Returns the id of a process's parent: field 4 of /proc/PID/stat. */
export function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
}
