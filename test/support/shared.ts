import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import { projectRoot } from './server.ts'

/** Directory of real files of third parties. It is next to the project where it is available, and not part of it. */
export const sharedDirectory = join(projectRoot, '..', 'shared')

/** Defines tests on the shared files. Without the files they are skipped, with the reason in their title. */
export function describeShared(title: string, define: () => void): void {
  if (existsSync(sharedDirectory)) describe(title, define)
  else describe.skip(`${title} (skipped: the shared files are not beside the project)`, define)
}
