import type { ModelFiles } from '../model-files.ts'
import { attributeInteger, attributeIntegers } from './attribute-text.ts'
import { type Dims, sizeOf } from './dims.ts'
import { isKnownOpset } from './known-opsets.ts'
import { readIntegers } from './leaf-values.ts'
import type { Operator } from './network.ts'

/**
 * An operator that makes a matrix of its first operand: a Flatten along axis 1, or a Reshape to two dims of which one is open. `rows`
 * and `columns`: the size of that dimension, -1 if it is open; the rows of a Flatten are 0, those of what it reads.
 */
export type MatrixReshape = { rows: number; columns: number }

/** Attributes of a Reshape that say its shape. One that nobody knows may say anything. */
const reshapeAttributes: ReadonlySet<string> = new Set(['allowzero', 'shape'])

/**
 * What an operator makes a matrix by; undefined for one that does not, or whose shape is computed.
 * @throws TureenError as reading tensors does
 */
export function matrixReshape(operator: Operator, files: ModelFiles): MatrixReshape | undefined {
  const { domain, opType, version, attributes, operands, outputs } = operator
  if (domain !== '' || outputs !== 1 || !isKnownOpset(domain, version)) return undefined
  if (opType === 'Flatten') return attributes.size === 0 ? { rows: 0, columns: -1 } : undefined
  if (opType !== 'Reshape' || [...attributes.keys()].some(name => !reshapeAttributes.has(name))) return undefined
  const shape = readIntegers(operands[1]?.value ?? null, files) ?? attributeIntegers(attributes, 'shape')
  const [rows, columns, ...others] = shape ?? []
  if (rows === undefined || columns === undefined || others.length > 0) return undefined
  if (rows === 0 && attributeInteger(attributes, 'allowzero') === 1) return undefined
  const isOpen = (rows >= 0 && columns === -1) || (rows === -1 && columns > 0)
  return isOpen ? { rows, columns } : undefined
}

/**
 * Why it is not known that a matrix is what Flatten makes of a value; undefined if it is proved.
 *
 * Proof. Flatten along axis 1 makes [d0, d1 * d2 * ...] of [d0, d1, d2, ...], and neither operator moves an element. [0, -1] takes over d0 and
 * gives the rest to the second dimension: the same. [N, -1] is the same where d0 = N. [-1, K] has elements / K rows: d0 where
 * d1 * d2 * ... = K.
 *
 * @param read dims of what both operators read, as far as they are known
 */
export function unprovedFlatten({ rows, columns }: MatrixReshape, read: Dims | null): string | undefined {
  if (rows === 0) return undefined
  if (read === null || read.length === 0) return 'the dimensions of what it reads, none of which is known'
  if (rows > 0) {
    const [first] = read
    if (first === rows) return undefined
    return first === null || first === undefined
      ? `dimension 0 of what it reads, which is not known and must be ${rows}`
      : `dimension 0 of what it reads, which is ${first} and not ${rows}`
  }
  const rest = read.slice(1)
  const size = sizeOf(rest)
  if (size === columns) return undefined
  const missing = rest.flatMap((dim, index) => (dim === null ? [index + 1] : []))
  return size === null
    ? `${missing.length === 1 ? 'dimension' : 'dimensions'} ${missing.join(', ')} of what it reads, which ${missing.length === 1 ? 'is' : 'are'} not known`
    : `the product of the dimensions behind the first of what it reads, which is ${size} and not ${columns}`
}

/** The shape in words, such as [-1, 120]. */
export function shownShape({ rows, columns }: MatrixReshape): string {
  return `[${rows}, ${columns}]`
}
