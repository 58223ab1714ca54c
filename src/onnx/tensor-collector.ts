import { TureenError } from '../errors.ts'
import { type DType, dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { FixedRun, Span, TensorEntry, TensorPayload, VarintRun } from './layout.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { limits } from './limits.ts'
import { tensorFields } from './messages.ts'
import { TensorProto } from './onnx-proto.ts'
import { malformed, type WireField, wireType } from './wire.ts'

const external = 1

/** Gathers where one TensorProto's payload lies, and checks it against the tensor's header once the whole has been seen. */
export class TensorCollector {
  #raw: { field: Span; offset: number; length: number } | undefined
  readonly #fixed = new Map<number, FixedRun[]>()
  readonly #varint = new Map<number, VarintRun[]>()
  readonly #strings: Span[] = []

  /** Takes one payload field as it stands in the file. @returns whether it begins a new stretch of payload */
  addPayload(field: WireField): boolean {
    const { number, type, start, payload, end } = field
    switch (number) {
      case tensorFields.rawData:
        requireType(field, wireType.bytes)
        this.#raw = { field: { start, end }, offset: payload, length: end - payload }
        return true
      case tensorFields.stringData:
        requireType(field, wireType.bytes)
        this.#strings.push({ start: payload, end })
        return true
      case tensorFields.floatData:
        return this.#addFixed(field, 4, wireType.fixed32)
      case tensorFields.doubleData:
        return this.#addFixed(field, 8, wireType.fixed64)
      default:
        if (type !== wireType.bytes) requireType(field, wireType.varint)
        pushTo(this.#varint, number, { start, offset: payload, end })
        return true
    }
  }

  #addFixed(field: WireField, width: 4 | 8, unpackedType: number): boolean {
    const { number, type, start, payload, end } = field
    if (type === wireType.bytes) {
      if ((end - payload) % width !== 0) throw malformed('Packed values are cut off', start)
      pushTo(this.#fixed, number, { start, offset: payload, count: (end - payload) / width, stride: width, width })
      return true
    }
    requireType(field, unpackedType)
    const last = this.#fixed.get(number)?.at(-1)
    const stride = end - start
    const follows = last && last.stride === stride && last.offset + last.count * last.stride === payload
    if (follows) last.count += 1
    else pushTo(this.#fixed, number, { start, offset: payload, count: 1, stride, width })
    return !follows
  }

  /**
   * The tensor, its header decoded by onnx-proto from the TensorProto without payload.
   * @throws TureenError `TUREEN_MODEL_MALFORMED` if dims and payload contradict each other
   */
  finish(header: Uint8Array, path: string, offset: number): TensorEntry {
    const tensor = decodeHeader(header, offset)
    const name = tensor.name ?? ''
    const fail = (message: string) =>
      new TureenError('TUREEN_MODEL_MALFORMED', `The tensor ${name || path} ${message}.`, [
        { tensor: name || path, message },
      ])
    const dims = (tensor.dims ?? []).map(Number)
    if (dims.length > limits.tensorRank) throw limitExceeded('tensorRank', `dimensions in the tensor ${name || path}`)
    const elements = dims.reduce((product, dim) => {
      if (dim < 0) throw fail(`has a negative dimension: [${dims.join(', ')}]`)
      return product * dim
    }, 1)
    if (!Number.isSafeInteger(elements)) throw fail(`has more elements than can be: [${dims.join(', ')}]`)
    const dataType = tensor.dataType ?? 0
    const dtype = dtypeOf(dataType)
    const isExternal = tensor.dataLocation === external
    const payload: TensorPayload = isExternal
      ? { form: 'external', location: externalDataLocation(tensor) }
      : this.#payload(dtype)
    checkLength(dtype, dims, elements, payload, fail)
    return { name, path, frame: -1, dataType, dims, elements, payload }
  }

  #payload(dtype: DType | undefined): TensorPayload {
    if (this.#raw) return { form: 'raw', ...this.#raw }
    switch (dtype?.typedField) {
      case 'float_data':
        return fixedPayload(this.#fixed.get(tensorFields.floatData))
      case 'double_data':
        return fixedPayload(this.#fixed.get(tensorFields.doubleData))
      case 'int32_data':
        return varintPayload(this.#varint.get(tensorFields.int32Data))
      case 'int64_data':
        return varintPayload(this.#varint.get(tensorFields.int64Data))
      case 'uint64_data':
        return varintPayload(this.#varint.get(tensorFields.uint64Data))
      case 'string_data':
        return this.#strings.length > 0 ? { form: 'strings', values: this.#strings } : { form: 'none' }
      default:
        return { form: 'none' }
    }
  }
}

function decodeHeader(header: Uint8Array, offset: number): TensorProto {
  try {
    return TensorProto.decode(header)
  } catch {
    throw malformed('A tensor cannot be decoded', offset)
  }
}

function checkLength(
  dtype: DType | undefined,
  dims: number[],
  elements: number,
  payload: TensorPayload,
  fail: (message: string) => TureenError,
): void {
  const shape = `[${dims.join(', ')}]`
  if (!dtype) return
  if (payload.form === 'none' && elements > 0)
    throw fail(`is ${dtype.name} ${shape} and holds no ${dtype.typedField} and no raw_data`)
  if (payload.form === 'raw') {
    const expected = rawBytes(dtype, elements)
    if (dtype.name === 'string') throw fail('holds strings as raw_data, which ONNX does not allow')
    if (payload.length !== expected) {
      throw fail(`is ${dtypeName(dtype.code)} ${shape}, which takes ${expected} bytes, but holds ${payload.length}`)
    }
  }
  if (payload.form === 'fixed') {
    const values = payload.runs.reduce((sum, run) => sum + run.count, 0)
    const expected = elements * dtype.typedPerElement
    if (values !== expected)
      throw fail(`is ${dtypeName(dtype.code)} ${shape}, which takes ${expected} values, but holds ${values}`)
  }
  if (payload.form === 'strings' && payload.values.length !== elements) {
    throw fail(`has ${elements} elements but holds ${payload.values.length} strings`)
  }
}

function requireType(field: WireField, type: number): void {
  if (field.type !== type) throw malformed(`Tensor field ${field.number} has wire type ${field.type}`, field.start)
}

function fixedPayload(runs: FixedRun[] | undefined): TensorPayload {
  return runs ? { form: 'fixed', runs } : { form: 'none' }
}

function varintPayload(runs: VarintRun[] | undefined): TensorPayload {
  return runs ? { form: 'varint', runs } : { form: 'none' }
}

function pushTo<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

function externalDataLocation(tensor: TensorProto): string {
  return tensor.externalData.findLast(({ key }) => key === 'location')?.value ?? ''
}
