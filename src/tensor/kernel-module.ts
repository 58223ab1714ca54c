import { kernelBinary } from './kernel-binary.ts'

/** The compiled kernel of this thread; null on a machine without SIMD. */
let compiled: WebAssembly.Module | null | undefined

/** Returns the kernel in SIMD WebAssembly; undefined on a machine without SIMD. Each thread compiles it once, for all of its engines. */
export function kernelModule(): WebAssembly.Module | undefined {
  compiled ??= compile()
  return compiled ?? undefined
}

function compile(): WebAssembly.Module | null {
  const binary = Uint8Array.from(Buffer.from(kernelBinary, 'base64'))
  return WebAssembly.validate(binary) ? new WebAssembly.Module(binary) : null
}
