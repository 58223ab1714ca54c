import type { ModelFiles } from '../external-data.ts'
import { attributeInteger, attributeIntegers } from './attribute-text.ts'
import { type Dims, sizeOf } from './dims.ts'
import { isKnownOpset } from './known-opsets.ts'
import { readIntegers } from './leaf-values.ts'
import type { Operator } from './network.ts'

/**
 * An operator that reshapes its first operand to a matrix: a Flatten along axis 1, or a Reshape to two dims, one of
 * them open. `rows`, `columns`: the size, -1 if it is open. 0 rows (also for a Flatten) means dimension 0 of the
 * operand.
 */
export type MatrixReshape = { rows: number; columns: number }

/** Attributes of a Reshape that state its shape. An unknown attribute could mean anything. */
const reshapeAttributes: ReadonlySet<string> = new Set(['allowzero', 'shape'])

/**
 * Returns the matrix that an operator reshapes to; undefined for other operators, and for a computed shape.
 * @throws TureenError if a tensor cannot be read
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
 * Returns the reason why a matrix may differ from the Flatten of a value; undefined if they are proved equal.
 *
 * Proof. Flatten along axis 1 turns [d0, d1, d2, ...] into [d0, d1 * d2 * ...], and neither operator moves an element.
 * [0, -1] keeps d0 and puts the rest into the second dimension, which is the same. [N, -1] is the same if d0 = N. [-1,
 * K] has elements / K rows, which is d0 if d1 * d2 * ... = K.
 *
 * @param read dims of the value that both operators read, as far as they are known
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

/** Returns the shape in words, such as [-1, 120]. */
export function shownShape({ rows, columns }: MatrixReshape): string {
  return `[${rows}, ${columns}]`
}
