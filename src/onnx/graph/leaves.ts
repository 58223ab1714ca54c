import { dtypeName } from '../../tensor/dtype.ts'
import { isMainInitializer, type Layout, type TensorEntry } from '../layout.ts'
import type { AttributeProto } from '../onnx-proto.ts'
import type { Leaf } from './network.ts'
import type { OpaqueFields } from './opaque-fields.ts'

/** The tensors of a model as leaves of its network. Each tensor is one leaf. */
export class Leaves {
  /** Initializers of the main graph, in the order of the file. There may be some hundred thousand, so they need no look-up. */
  readonly #initializers: TensorEntry[] = []
  /** All other tensors by path. A tensor is replaced by its leaf when that is made. */
  readonly #tensors = new Map<string, TensorEntry | Leaf>()
  readonly #literals = new Map<string, Leaf>()
  readonly #opaque: OpaqueFields
  #count = 0

  constructor({ tensors }: Layout, opaque: OpaqueFields) {
    for (const tensor of tensors) {
      if (isMainInitializer(tensor)) this.#initializers.push(tensor)
      else this.#tensors.set(tensor.path, tensor)
    }
    this.#opaque = opaque
  }

  /** Returns an initializer of the main graph, to be asked for once; undefined if there is none. */
  initializer(index: number): Leaf | undefined {
    const tensor = this.#initializers[index]
    return tensor && this.#leafOf(tensor, null, null, '', [])
  }

  /**
   * Returns the tensor at a path, unless it is an initializer of the main graph; undefined if there is none. `node`: the node that holds it. `around`: paths of
   * messages that hold only this tensor; their unknown fields count as the tensor's own.
   */
  dense(path: string, node: string | null, around: readonly string[] = []): Leaf | undefined {
    return this.#leaf(path, node, null, '', around)
  }

  /** Returns the sparse tensor at a path, with its own dims. */
  sparse(
    path: string,
    node: string | null,
    dims: readonly unknown[],
    around: readonly string[] = [],
  ): Leaf | undefined {
    const indices = this.#tensors.get(`${path}.indices`)
    const text = ` sparse in [${dims.map(String).join(', ')}]`
    return this.#leaf(`${path}.values`, node, indices && 'path' in indices ? indices : null, text, [
      path,
      `${path}.indices`,
      ...around,
    ])
  }

  /** Returns the integers or strings of a Constant as a leaf; undefined if it holds something else. */
  literal(
    path: string,
    node: string,
    name: string,
    attribute: AttributeProto,
    around: readonly string[],
  ): Leaf | undefined {
    const elements = literalElements(attribute)
    if (!elements) return undefined
    const known = this.#literals.get(path)
    if (known) return known
    const rest = this.#rest(path, around)
    const leaf: Leaf = {
      kind: 'leaf',
      id: this.#count++,
      name,
      node,
      type: `${elements.dtype}[${elements.dims.join(', ')}]${rest}`,
      isWeight: false,
      use: null,
      tensor: null,
      indices: null,
      literal: elements.bytes,
    }
    this.#literals.set(path, leaf)
    return leaf
  }

  #leaf(
    path: string,
    node: string | null,
    indices: TensorEntry | null,
    dims: string,
    around: readonly string[],
  ): Leaf | undefined {
    const tensor = this.#tensors.get(path)
    if (!tensor || 'kind' in tensor) return tensor
    const leaf = this.#leafOf(tensor, node, indices, dims, around)
    this.#tensors.set(path, leaf)
    return leaf
  }

  #leafOf(
    tensor: TensorEntry,
    node: string | null,
    indices: TensorEntry | null,
    dims: string,
    around: readonly string[],
  ): Leaf {
    const { name, path, dataType } = tensor
    return {
      kind: 'leaf',
      id: this.#count++,
      name: name || path,
      node,
      type: `${dtypeName(dataType)}[${tensor.dims.join(', ')}]${dims}${this.#rest(path, around)}`,
      isWeight: false,
      use: null,
      tensor,
      indices,
      literal: null,
    }
  }

  /** Returns everything of a tensor that must agree besides its type and its elements. */
  #rest(path: string, around: readonly string[]): string {
    if (this.#opaque.isEmpty) return ''
    const own = this.#opaque.digestOf(path)
    const outer = around.flatMap(owner => this.#opaque.unknownOf(owner)).map(field => field.join('='))
    return [own, ...outer.sort()]
      .filter(Boolean)
      .map(each => ` ${each}`)
      .join('')
  }
}

/** Returns the tensor of `value_int`, `value_ints`, `value_string` or `value_strings`. */
function literalElements({
  name,
  i,
  ints,
  s,
  strings,
}: AttributeProto): { dtype: string; dims: number[]; bytes: Uint8Array } | undefined {
  switch (name) {
    case 'value_int':
      return { dtype: 'int64', dims: [], bytes: int64Bytes([i ?? 0]) }
    case 'value_ints':
      return { dtype: 'int64', dims: [ints?.length ?? 0], bytes: int64Bytes(ints ?? []) }
    case 'value_string':
      return { dtype: 'string', dims: [], bytes: stringBytes([s ?? new Uint8Array(0)]) }
    case 'value_strings':
      return { dtype: 'string', dims: [strings?.length ?? 0], bytes: stringBytes(strings ?? []) }
    default:
      return undefined
  }
}

function int64Bytes(values: readonly unknown[]): Uint8Array {
  const array = BigInt64Array.from(values, value => BigInt(String(value)))
  return new Uint8Array(array.buffer)
}

function stringBytes(values: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(values.flatMap(value => [lengthPrefix(value.byteLength), value]))
}

/** Returns the prefix of each string when a tensor's strings are joined. It keeps ["ab", ""] and ["a", "b"] apart. */
export function lengthPrefix(bytes: number): Uint8Array {
  return Buffer.from(`${bytes}:`)
}
