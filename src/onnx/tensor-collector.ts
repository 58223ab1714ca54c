import { TureenError } from '../errors.ts'
import { type DType, dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import { externalPayload } from './external-payload.ts'
import { addFixedRun, requireWireType } from './fixed-runs.ts'
import type { FixedRun, FramedSpan, RawPayload, Span, TensorEntry, TensorPayload, VarintRun } from './layout.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { tensorFields } from './messages.ts'
import { limits } from './model-limits.ts'
import { NameReader } from './names.ts'
import { TensorProto } from './onnx-proto.ts'
import { malformed, type WireField, wireType } from './wire.ts'

const external = 1

/** Collects the places of one TensorProto's payload. At the end it checks them against the tensor's header. */
export class TensorCollector {
  #raw: RawPayload | undefined
  // Each is made when it is needed: a model may have 250,000 tensors, most of them raw.
  #fixed: Map<number, FixedRun[]> | undefined
  #varint: Map<number, VarintRun[]> | undefined
  #strings: Span[] | undefined
  #externalFields: FramedSpan[] | undefined
  readonly #payloadFields: FramedSpan[] = []

  /**
   * Adds a field that moves the elements to another file, or says where in it they are. `frame`: as in {@link
   * addPayload}.
   */
  addExternal({ start, end }: Span, frame?: number): void {
    this.#externalFields ??= []
    this.#externalFields.push({ start, end, ...framed(frame) })
  }

  /**
   * Adds one payload field from the file. `frame`: the frame of the enclosing message, if the tensor is written in
   * several parts. Returns true if the field begins a new run of payload.
   */
  addPayload(field: WireField, frame?: number): boolean {
    const { number, type, start, payload, end } = field
    this.#addPayloadField(start, end, frame)
    switch (number) {
      case tensorFields.rawData:
        requireWireType(field, wireType.bytes)
        this.#raw = { form: 'raw', start, offset: payload, length: end - payload }
        return true
      case tensorFields.stringData:
        requireWireType(field, wireType.bytes)
        this.#strings ??= []
        this.#strings.push({ start: payload, end })
        return true
      case tensorFields.floatData:
        return this.#addFixed(field, 4)
      case tensorFields.doubleData:
        return this.#addFixed(field, 8)
      default:
        if (type !== wireType.bytes) requireWireType(field, wireType.varint)
        this.#varint ??= new Map()
        pushTo(this.#varint, number, { start, offset: payload, end, ...framed(frame) })
        return true
    }
  }

  #addPayloadField(start: number, end: number, frame: number | undefined): void {
    const last = this.#payloadFields.at(-1)
    if (last?.end === start && last.frame === frame) last.end = end
    else this.#payloadFields.push({ start, end, ...framed(frame) })
  }

  #addFixed(field: WireField, width: 4 | 8): boolean {
    this.#fixed ??= new Map()
    const runs = this.#fixed.get(field.number) ?? []
    this.#fixed.set(field.number, runs)
    return addFixedRun(runs, field, width)
  }

  /**
   * Returns the tensor. onnx-proto decodes its header from the TensorProto without payload.
   *
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
    if (dims.length > limits.tensorRank)
      throw limitExceeded('tensorRank', `dimensions in the tensor ${name || path}`, { tensor: name || path })
    const elements = dims.reduce((product, dim) => {
      if (dim < 0) throw fail(`has a negative dimension: [${dims.join(', ')}]`)
      return product * dim
    }, 1)
    if (!Number.isSafeInteger(elements)) throw fail(`has more elements than can be: [${dims.join(', ')}]`)
    const dataType = tensor.dataType ?? 0
    const dtype = dtypeOf(dataType)
    const isExternal = tensor.dataLocation === external
    // Elements in the model's own file do not count if the tensor also names another file. onnxruntime reads the other
    // file, too.
    const payload: TensorPayload = isExternal
      ? externalPayload(tensor, dtype, elements, [...(this.#externalFields ?? []), ...this.#payloadFields], fail)
      : this.#payload(dtype)
    checkLength(dtype, dims, elements, payload, fail)
    return { name, path, frame: -1, dataType, dims, elements, payload }
  }

  #payload(dtype: DType | undefined): TensorPayload {
    if (this.#raw) return this.#raw
    switch (dtype?.typedField) {
      case 'float_data':
        return fixedPayload(this.#fixed?.get(tensorFields.floatData))
      case 'double_data':
        return fixedPayload(this.#fixed?.get(tensorFields.doubleData))
      case 'int32_data':
        return varintPayload(this.#varint?.get(tensorFields.int32Data))
      case 'int64_data':
        return varintPayload(this.#varint?.get(tensorFields.int64Data))
      case 'uint64_data':
        return varintPayload(this.#varint?.get(tensorFields.uint64Data))
      case 'string_data':
        return this.#strings ? { form: 'strings', values: this.#strings } : { form: 'none' }
      default:
        return { form: 'none' }
    }
  }
}

function framed(frame: number | undefined): { frame?: number } {
  return frame === undefined ? {} : { frame }
}

function decodeHeader(header: Uint8Array, offset: number): TensorProto {
  try {
    return TensorProto.decode(new NameReader(header))
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
