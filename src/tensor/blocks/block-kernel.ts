/** The exports of the compiled kernel for blocks, in the order of the groups of operations. */
const names = [
  'decodeFloat32',
  'decodeSixteenBits',
  'finishFloat32',
  'countedIdentical',
  'variances',
  'weighedMean',
  'betweenBaseAndMean',
  'dotProducts',
  'selectBetween',
  'selectBelow',
  'fillUniforms',
  'gatherBetween',
  'countedAbove',
  'rankShortRows',
  'rankLongRow',
  'subtract',
  'distance',
  'keepBetween',
  'keepBelow',
  'drop',
  'addChanges',
  'electChanges',
  'copiedNaN',
] as const

export type BlockKernel = Record<(typeof names)[number], (...parameters: number[]) => number> & {
  memory: WebAssembly.Memory
}

/** Checks the exports of the kernel. @throws TypeError if one is missing */
export function kernelOf(exports: Record<string, unknown>): BlockKernel {
  if (!isKernel(exports)) throw new TypeError('the kernel has other exports than it should')
  return exports
}

function isKernel(exports: Record<string, unknown>): exports is BlockKernel {
  return exports.memory instanceof WebAssembly.Memory && names.every(name => typeof exports[name] === 'function')
}
