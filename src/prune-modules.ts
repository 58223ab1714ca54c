import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of onnxruntime-node's libraries, one for each platform and processor. */
const libraries = 'onnxruntime-node/bin/napi-v6'

/**
 * Removes unused files of packages from `node_modules`: onnxruntime's libraries for other platforms, the headers of Node, and the
 * programs of Binaryen, whose library builds the kernel. `npm ci` runs it once after installing.
 *
 * @param modules the directory `node_modules`
 */
export function pruneModules(modules: string, platform: string, processor: string): void {
  const own = join(libraries, platform, processor)
  // On a platform without a library of its own, one of the others may still be in use.
  const foreign = existsSync(join(modules, own)) ? `${libraries}/*/*` : []
  const unused = globSync([foreign, 'node-{linux,bin}-*/include', 'binaryen/bin/wasm*'].flat(), { cwd: modules })
  for (const path of unused) if (path !== own) rmSync(join(modules, path), { recursive: true, force: true })
  for (const link of globSync('.bin/wasm*', { cwd: modules }))
    if (!existsSync(join(modules, link))) rmSync(join(modules, link))
}

if (import.meta.main)
  pruneModules(fileURLToPath(new URL('../node_modules', import.meta.url)), process.platform, process.arch)
