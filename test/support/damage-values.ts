import { createHash } from 'node:crypto'
import type { onnx } from 'onnx-proto'

/**
 * One change of the computation of a model. `apply` makes it, and returns a function that undoes it. `isIndexed`: true if the fingerprint
 * must change; it does not depend on optional biases.
 */
export type Damage = {
  kind: 'attribute' | 'edge' | 'dim' | 'dtype' | 'value' | 'operator'
  what: string
  isIndexed: boolean
  apply(): () => void
}

/** Sets an item of a list, or a field of a message. */
export function put<Key extends PropertyKey, Value>(
  kind: Damage['kind'],
  what: string,
  target: { [key in Key]?: Value },
  key: Key,
  value: Value,
): Damage {
  return {
    kind,
    what,
    isIndexed: true,
    apply() {
      const before = target[key]
      const was = Object.hasOwn(target, key)
      target[key] = value
      return () => {
        if (was && before !== undefined) target[key] = before
        else delete target[key]
      }
    },
  }
}

/** Returns changes of an attribute that is neither a tensor nor a graph. */
export function plainDamages(attribute: onnx.IAttributeProto, what: string): Damage[] {
  const { type, f, i, s, ints, floats, strings } = attribute
  const other = Buffer.from('other')
  switch (type) {
    case 1:
      return [put('attribute', what, attribute, 'f', Math.fround((f ?? 0) * 2 + 1))]
    case 2:
      return [put('attribute', what, attribute, 'i', Number(i ?? 0) + 1)]
    case 3:
      return [put('attribute', what, attribute, 's', Buffer.concat([Buffer.from(s ?? []), other]))]
    case 6:
      return (floats ?? [])
        .slice(0, 5)
        .map((value, at) => put('attribute', `${what}[${at}]`, floats ?? [], at, value + 1))
    case 7:
      return (ints ?? [])
        .slice(0, 5)
        .map((value, at) => put('attribute', `${what}[${at}]`, ints ?? [], at, Number(value) + 1))
    case 8:
      return (strings ?? []).slice(0, 5).map((_, at) => put('attribute', `${what}[${at}]`, strings ?? [], at, other))
    default:
      return []
  }
}

/** Bytes of an element, by type. */
const widths: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8 }
const otherType: Readonly<Record<number, number>> = { 1: 11, 2: 3, 3: 2, 6: 7, 7: 6, 9: 2, 10: 1, 11: 1 }
const floats: ReadonlySet<number> = new Set([1, 10, 11, 16])

/** Returns changes of a tensor's dims and type, and of its values if they are not floats. */
export function tensorDamages(tensor: onnx.ITensorProto): Damage[] {
  const type = tensor.dataType ?? 0
  if (!widths[type]) return []
  const dims = (tensor.dims ?? []).map(Number)
  const digest = createHash('sha256').update(JSON.stringify(dims)).digest('hex').slice(0, 6)
  const what = `of ${tensor.name || `a tensor ${digest}`}`
  const replaced = (kind: Damage['kind'], text: string, dataType: number, dims: number[], first = 0): Damage => {
    const rawData = new Uint8Array(dims.reduce((product, dim) => product * dim, widths[dataType] ?? 1))
    if (first > 0) rawData[0] = first
    return {
      kind,
      what: text,
      isIndexed: true,
      apply() {
        const before = { ...tensor }
        const empty = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [], stringData: [] }
        Object.assign(tensor, empty, { dataType, dims, rawData })
        return () => void Object.assign(tensor, { rawData: null, ...empty }, before)
      },
    }
  }
  const count = dims.reduce((product, dim) => product * dim, 1)
  return [
    ...dims.map((dim, at) => replaced('dim', `dim ${at} ${what}`, type, dims.with(at, dim + 1))),
    // One more dimension in front may say the same.
    ...(dims.every(dim => dim === 1) ? [] : [replaced('dim', `rank ${what}`, type, [...dims, 1])]),
    replaced('dtype', `type ${what}`, otherType[type] ?? 1, dims),
    ...(floats.has(type) || count === 0 ? [] : [replaced('value', `values ${what}`, type, dims, 101)]),
  ]
}
