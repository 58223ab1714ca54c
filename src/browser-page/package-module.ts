import { readFile } from 'node:fs/promises'
import { join } from 'node:path/posix'
import { exports as exportsOf } from 'resolve.exports'
import { z } from 'zod'

const manifestSchema = z.looseObject({ name: z.string() })

/**
 * Returns the path below the project of the module that browsers load for the name of a package, such as `preact/hooks`. All packages
 * must lie side by side in `node_modules`, as npm puts them.
 *
 * @param importer path of the module that imports it, for the error
 * @throws Error if the package is missing, or offers no such module
 */
export async function packageModule(root: string, importer: string, name: string): Promise<string> {
  const [, packageName = ''] = /^((?:@[^/]+\/)?[^/]+)/.exec(name) ?? []
  const folder = `node_modules/${packageName}`
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')))
    const [file] = exportsOf(manifest, name, { browser: true }) ?? []
    if (file !== undefined) return join(folder, file)
  } catch (error) {
    throw new Error(`${importer} imports ${name}, which browsers cannot load`, { cause: error })
  }
  throw new Error(`${importer} imports ${name}, and the package ${packageName} exports no such module to browsers`)
}
