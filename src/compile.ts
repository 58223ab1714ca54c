import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { createApp } from './app.ts'
import { readBuiltPage } from './browser-page/built-page.ts'
import { readConfig } from './config.ts'
import { holdDataDirectory } from './storage/data-directory.ts'

/**
 * Loads every module of the service and readies a server without data, to fill Node's compile cache (NODE_COMPILE_CACHE) with compiled
 * code, the OpenAPI document and the page. `npm ci` runs it once after installing. Without the cache, the first server and each of its worker threads
 * load the TypeScript compiler, which takes tens of megabytes each.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
for (const file of globSync('{schemas,src,routes}/**/*.ts', { cwd: root }).sort()) {
  if (file === 'src/compile.ts' || file.endsWith('.d.ts')) continue
  // Piscina loads worker files with require, and the cache keeps those apart from imported modules.
  if (file.endsWith('-worker.ts') || file.endsWith('/worker.ts')) require(`../${file}`)
  else await import(new URL(`../${file}`, import.meta.url).href)
}

const directory = await mkdtemp(join(tmpdir(), 'tureen-compile-'))
const config = readConfig({ TUREEN_DATA: directory, TUREEN_LOG_LEVEL: 'silent' })
const app = await createApp(config, await holdDataDirectory(directory), pino({ level: config.logLevel }))
await app.ready()
await readBuiltPage()
await app.close()
await rm(directory, { recursive: true })
