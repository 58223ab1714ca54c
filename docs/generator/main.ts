import { writeFile } from 'node:fs/promises'
import { commandLine } from '../../src/command-line.ts'

/** npm run build:docs: writes docs/reference/ from the registries and schemas. */
commandLine('usage: npm run build:docs').parse({ options: {} })
// A wrong argument is refused before the whole service is loaded.
const { referencePages } = await import('./pages.ts')
for (const [name, text] of await referencePages())
  await writeFile(new URL(`../reference/${name}`, import.meta.url), text)
