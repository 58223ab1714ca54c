import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import { projectRoot } from './server.ts'

/** Real files of third parties, beside the project where they are available; they are not part of it. */
export const sharedDirectory = join(projectRoot, '..', 'shared')

/** Extra tests over the shared files; without them they are reported as skipped, with the reason in their title. */
export function describeShared(title: string, define: () => void): void {
  if (existsSync(sharedDirectory)) describe(title, define)
  else describe.skip(`${title} (skipped: the shared files are not beside the project)`, define)
}
