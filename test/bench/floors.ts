import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Contestant } from './harness.ts'

const run = promisify(execFile)

/** What the tools of the system take for the parts of a merge. `files`: what is read, and of what the first is as large as the result. */
type Floor = { name: string; files(): Promise<readonly string[]>; workspace: string; signal: AbortSignal }

/** The greater of: reading the inputs and copying one of them; hashing the result. */
export function floor({ name, files, workspace, signal }: Floor): Contestant {
  const copy = join(workspace, 'copy.onnx')
  return {
    name,
    description: 'the greater of cat of all inputs to /dev/null and cp of one, and openssl or sha256sum of one',
    inputs: files,
    async run() {
      const paths = await files()
      await rm(copy, { force: true })
      const moving = await timed(`cat "$@" > /dev/null; cp "$1" ${copy}`, paths, signal)
      const hash = 'if command -v openssl > /dev/null; then openssl dgst -sha256 "$1"; else sha256sum "$1"; fi'
      const hashing = await timed(hash, paths, signal)
      return { seconds: Math.max(moving, hashing), details: { 'moving s': moving, 'hashing s': hashing } }
    },
  }
}

/** Reading the inputs and copying one of them onto the disk. */
export function durableFloor({ name, files, workspace, signal }: Floor): Contestant {
  const copy = join(workspace, 'copy.onnx')
  return {
    name,
    description: 'cat of all inputs to /dev/null, and dd bs=1M conv=fsync of one',
    inputs: files,
    async run() {
      const paths = await files()
      await rm(copy, { force: true })
      const seconds = await timed(
        `cat "$@" > /dev/null; dd if="$1" of=${copy} bs=1M conv=fsync 2> /dev/null`,
        paths,
        signal,
      )
      return { seconds }
    },
  }
}

/** Seconds that a shell takes for a command. */
export async function timed(command: string, parameters: readonly string[], signal: AbortSignal): Promise<number> {
  const started = performance.now()
  await run('sh', ['-c', command, 'sh', ...parameters], { signal })
  return (performance.now() - started) / 1000
}
