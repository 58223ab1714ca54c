import type { Derivation, FoldedNorm } from './derivation.ts'

/** Returns a derivation as people read it, such as `transpose(encoder.fc.weight, [1, 0])`. */
export function derivationText(derivation: Derivation): string {
  switch (derivation.op) {
    case 'tensor':
      return derivation.key
    case 'cast':
      return call(derivation.op, derivation.of, derivation.dtype)
    case 'reshape':
      return call(derivation.op, derivation.of, listText(derivation.dims))
    case 'transpose':
      return call(derivation.op, derivation.of, listText(derivation.axes))
    case 'slice':
      return call(derivation.op, derivation.of, `axis ${derivation.axis}`, `${derivation.start}:${derivation.end}`)
    case 'gather':
      return call(derivation.op, derivation.of, shortList(derivation.indices))
    case 'concat':
      return `concat(${[...derivation.of.map(derivationText), `axis ${derivation.axis}`].join(', ')})`
    case 'affine':
      return call(derivation.op, derivation.of, `scale ${derivation.scale}`, `shift ${derivation.shift}`)
    case 'folded-weight':
      return call(derivation.op, derivation.of, normText(derivation.norm))
    case 'folded-bias':
      return `${derivation.op}(${[derivation.of ? derivationText(derivation.of) : '0', normText(derivation.norm)].join(', ')})`
  }
}

function call(op: string, of: Derivation, ...more: string[]): string {
  return `${op}(${[derivationText(of), ...more].join(', ')})`
}

function listText(numbers: readonly number[]): string {
  return `[${numbers.join(', ')}]`
}

/** Most indices of a gather that are shown: it may have one for each element. */
const shownIndices = 8

function shortList(indices: readonly number[]): string {
  if (indices.length <= shownIndices) return listText(indices)
  return `[${indices.slice(0, shownIndices).join(', ')}, … ${indices.length} indices]`
}

function normText({ gamma, beta, mean, variance, epsilon, arithmetic }: FoldedNorm): string {
  const tensors = [gamma ?? '1', beta ?? '0', mean, variance].join(', ')
  return `batch norm ${tensors}, epsilon ${epsilon}${arithmetic === 'binary64' ? ', within 4 × 2^-23' : ''}`
}
