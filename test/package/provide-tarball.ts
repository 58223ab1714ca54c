import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import packageJson from '../../package.json' with { type: 'json' }
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { ended } from './nodes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the package, as `npm pack` makes it. */
    tarball: string
  }
}

/** Global setup of this tier: packs once, since packing changes the checkout for as long as it lasts. */
export default async function provide(project: TestProject): Promise<() => Promise<void>> {
  const { path, remove } = await temporaryDirectory()
  const { code, stdout, stderr } = await ended('npm', ['pack', '--silent', `--pack-destination=${path}`], {
    cwd: projectRoot,
  })
  if (code !== 0) throw new Error(`npm pack failed:\n${stdout}\n${stderr}`)
  project.provide('tarball', join(path, `tureen-${packageJson.version}.tgz`))
  return remove
}
