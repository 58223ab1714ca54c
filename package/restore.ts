import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pruneModules } from '../src/prune-modules.ts'

/** npm runs this script after it has packed: it removes from the checkout what `package/build.ts` made. */
rmSync(fileURLToPath(new URL('../dist', import.meta.url)), { recursive: true, force: true })
pruneModules(fileURLToPath(new URL('../node_modules', import.meta.url)), process.platform, process.arch)
