import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from './server.ts'

/** A file system that is small enough to be filled. */
export type SmallDisk = {
  path: string
  /** Writes a file that takes all remaining space. */
  fill(): Promise<void>
  /** Removes the files of {@link SmallDisk.fill}. */
  makeRoom(): void
  remove(): Promise<void>
}

/** @returns undefined if this user may not mount a file system */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk | undefined> {
  const directory = await temporaryDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory.path], { stdio: 'ignore' })
  } catch {
    await directory.remove()
    return undefined
  }
  const fillers: string[] = []
  return {
    path: directory.path,
    async fill() {
      for (;;) {
        const { bavail, bsize } = await statfs(directory.path)
        if (bavail === 0) return
        const file = join(directory.path, `filler${fillers.length}`)
        fillers.push(file)
        try {
          writeFileSync(file, new Uint8Array(bavail * bsize))
        } catch {
          // The server took some of it: what is left is smaller.
          rmSync(file, { force: true })
        }
      }
    },
    makeRoom() {
      for (const file of fillers.splice(0)) rmSync(file, { force: true })
    },
    async remove() {
      execFileSync('umount', ['-l', directory.path])
      await directory.remove()
    },
  }
}
