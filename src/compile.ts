import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/**
 * Loads all of the service, so that Node's compile cache has it (NODE_COMPILE_CACHE): run once after installing. Without it the first
 * server, and each of its threads, would hold the compiler that takes the types out, tens of megabytes each.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
for (const file of globSync('{schemas,src,routes}/**/*.ts', { cwd: root }).sort()) {
  if (file === 'src/compile.ts' || file.endsWith('.d.ts')) continue
  // Piscina requires what its threads run, which is kept apart from what is imported.
  if (file.endsWith('-worker.ts') || file.endsWith('/worker.ts')) require(`../${file}`)
  else await import(new URL(`../${file}`, import.meta.url).href)
}
