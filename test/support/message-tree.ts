import { parseFields } from './wire-bytes.ts'

type Kind = 'Model' | 'Graph' | 'Node' | 'Attribute' | 'Tensor' | 'Sparse' | 'Training' | 'Function'

/** Places of tensors in a model (onnx.proto), by field number. */
const children: Record<Kind, Record<number, Kind>> = {
  Model: { 7: 'Graph', 20: 'Training', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 15: 'Sparse' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'Sparse', 23: 'Sparse' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
  Training: { 1: 'Graph', 2: 'Graph' },
  Function: { 7: 'Node' },
  Tensor: {},
}

export type Stretch = { start: number; end: number }

/**
 * Returns a model's bytes without the lengths of messages that hold tensors. An edit inside a tensor must leave them unchanged, except for
 * the edited bytes.
 */
export function stretchesBetweenLengths(model: Uint8Array): Stretch[] {
  return stretches(model, 'Model', 0, model.byteLength).stretches
}

function stretches(
  bytes: Uint8Array,
  kind: Kind,
  start: number,
  end: number,
): { stretches: Stretch[]; holdsTensor: boolean } {
  const found: Stretch[] = []
  let holdsTensor = kind === 'Tensor' || (kind === 'Attribute' && holdsPlainFloats(bytes, start, end))
  for (const field of parseFields(bytes, start, end)) {
    const inner = children[kind][field.number]
    const child = inner && stretches(bytes, inner, field.payload, field.end)
    if (child?.holdsTensor) {
      holdsTensor = true
      found.push({ start: field.start, end: field.tagEnd }, ...child.stretches)
    } else found.push({ start: field.start, end: field.end })
  }
  return { stretches: found, holdsTensor }
}

/** True if an attribute is the value of a Constant in plain floats: these are a tensor as well. */
function holdsPlainFloats(bytes: Uint8Array, start: number, end: number): boolean {
  const fields = parseFields(bytes, start, end)
  const name = fields.findLast(({ number }) => number === 1)
  const held = { value_float: 2, value_floats: 7 }[String(name && Buffer.from(bytes.subarray(name.payload, name.end)))]
  return fields.some(({ number }) => number === held)
}
