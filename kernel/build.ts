import { writeFileSync } from 'node:fs'
import { commandLine } from '../src/command-line.ts'

/** `npm run build:kernel`: compiles the sources in this folder to src/tensor/kernel-binary.ts, which is committed. */
commandLine('usage: npm run build:kernel').parse({ options: {} })
// A wrong argument is refused before the compiler is loaded.
const { compileKernel } = await import('./compile.ts')
const text = `/** The sources in kernel/, compiled: \`npm run build:kernel\` makes this file, and a test compares it with its source. */
export const kernelBinary =
  '${Buffer.from(await compileKernel()).toString('base64')}'
`
writeFileSync(new URL('../src/tensor/kernel-binary.ts', import.meta.url), text)
