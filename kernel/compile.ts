import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

/** One binary holds what all of them export. */
const names = ['weighted-sum.ts', 'blocks.ts', 'choices.ts', 'changes.ts', 'uniforms.ts', 'ranks.ts']
/** What they share, and the binary does not export. */
const shared = ['lanes.ts']

/** The WebAssembly of the kernel. @throws Error with what the compiler says */
export async function compileKernel(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main(
    [
      ...names,
      '--outFile',
      'kernel.wasm',
      '-O3',
      '--noAssert',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      // What the kernel keeps itself lies from here on, below what its callers put into its memory.
      '--memoryBase',
      '1024',
      '--initialMemory',
      '1',
    ],
    {
      readFile: file =>
        [...names, ...shared].includes(file) ? readFileSync(new URL(file, import.meta.url), 'utf8') : null,
      writeFile(_, contents) {
        if (contents instanceof Uint8Array) binary = contents
      },
      listFiles: () => [],
    },
  )
  if (error || !binary) throw new Error(stderr.toString(), { cause: error })
  return binary
}
