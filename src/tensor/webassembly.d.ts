/**
 * The part of WebAssembly that the kernel needs. TypeScript declares it only in the types of browsers, which Node's
 * types do not include.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: Record<string, unknown>
  }
  class Memory {
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean
}
