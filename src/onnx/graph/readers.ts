import type { Leaf, Network, Operator, Value } from './network.ts'

/** An operator that reads a value, and its port. The port is null if a subgraph of the operator returns the value. */
export type Reader = { operator: Operator; port: string | null }

/**
 * Returns a function that returns the readers of a tensor, or of an operator's results, in the order of the network.
 * Takes time linear in the size of the network.
 */
export function readersOf({ operators }: Network): (value: Leaf | Operator) => readonly Reader[] {
  const readers = new Map<Leaf | Operator, Reader[]>()
  const add = (operator: Operator, port: string | null, value: Value | null) => {
    const source = value?.kind === 'result' ? value.operator : value?.kind === 'leaf' ? value : undefined
    if (!source) return
    const known = readers.get(source)
    if (known) known.push({ operator, port })
    else readers.set(source, [{ operator, port }])
  }
  for (const operator of operators) {
    for (const { port, value } of operator.operands) add(operator, port, value)
    for (const { outputs } of operator.subgraphs) for (const value of outputs) add(operator, null, value)
  }
  return value => readers.get(value) ?? []
}

/**
 * Operators of ONNX that move elements or change their type, but compute nothing. A reader of their result reads the
 * tensor.
 */
const movers: ReadonlySet<string> = new Set([
  'Cast',
  'CastLike',
  'Concat',
  'DequantizeLinear',
  'Expand',
  'Flatten',
  'Identity',
  'QuantizeLinear',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/** True if a reader only passes the elements on. */
export function movesElements({ operator: { domain, opType }, port }: Reader): boolean {
  return domain === '' && movers.has(opType) && (port === '0' || opType === 'Concat')
}
