import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where onnxruntime-node keeps a library for each platform and processor. */
const libraries = 'onnxruntime-node/bin/napi-v6'

/**
 * Removes from `node_modules` what packages bring along and nothing here uses: onnxruntime's libraries for other platforms, the headers
 * of Node, and the programs of the compiler whose library builds the kernel. Run once after installing.
 *
 * @param modules the directory `node_modules`
 */
export function pruneModules(modules: string, platform: string, processor: string): void {
  const own = join(libraries, platform, processor)
  // On a platform without a library nothing says which of the others would be missed.
  const foreign = existsSync(join(modules, own)) ? `${libraries}/*/*` : []
  const unused = globSync([foreign, 'node-{linux,bin}-*/include', 'binaryen/bin/wasm*'].flat(), { cwd: modules })
  for (const path of unused) if (path !== own) rmSync(join(modules, path), { recursive: true, force: true })
  for (const link of globSync('.bin/wasm*', { cwd: modules }))
    if (!existsSync(join(modules, link))) rmSync(join(modules, link))
}

if (import.meta.main)
  pruneModules(fileURLToPath(new URL('../node_modules', import.meta.url)), process.platform, process.arch)
