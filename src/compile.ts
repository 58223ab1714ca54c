import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/**
 * Loads every module of the service, to fill Node's compile cache (NODE_COMPILE_CACHE). `npm ci` runs it once after installing. Without
 * the cache, the first server and each of its worker threads load the TypeScript compiler, which takes tens of megabytes each.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
for (const file of globSync('{schemas,src,routes}/**/*.ts', { cwd: root }).sort()) {
  if (file === 'src/compile.ts' || file.endsWith('.d.ts')) continue
  // Piscina loads worker files with require, and the cache keeps those apart from imported modules.
  if (file.endsWith('-worker.ts') || file.endsWith('/worker.ts')) require(`../${file}`)
  else await import(new URL(`../${file}`, import.meta.url).href)
}
