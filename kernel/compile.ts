import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

/** Source files whose exports the one binary has. */
const names = [
  'weighted-sum.ts',
  'sum-sixteen-bits.ts',
  'sum-float8.ts',
  'conversions.ts',
  'sums.ts',
  'choices.ts',
  'differences.ts',
  'changes.ts',
  'uniforms.ts',
  'ranks.ts',
]
/** Source files for helpers that the others import; the binary does not export them. */
const shared = ['lanes.ts', 'sixteen-bits.ts', 'sum-parts.ts']

/** Compiles the kernel to WebAssembly. @throws Error with the compiler's message */
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
      // The kernel's own data starts here. Callers place their data after it.
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
