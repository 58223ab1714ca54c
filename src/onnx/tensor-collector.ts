import { TureenError } from '../errors.ts'
import { type DType, dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import { externalPayload } from './external-payload.ts'
import { addFixedRun, requireWireType } from './fixed-runs.ts'
import type {
  ExternalPayload,
  FixedRun,
  FramedSpan,
  RawPayload,
  Span,
  TensorEntry,
  TensorPayload,
  VarintRun,
} from './layout.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { tensorFields } from './messages.ts'
import { limits } from './model-limits.ts'
import { readName } from './names.ts'
import { readField, readVarint64, type WireCursor, type WireField, wireType } from './wire.ts'

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
  readonly #dims: number[] = []
  #dataType = 0
  #name = ''
  #isExternal = false

  /**
   * Adds a field that describes the elements. The cursor then is anywhere in the field. Of several values of a single field the last one counts.
   * @param frame as in {@link addPayload}; of a field that says where in another file the elements are
   * @throws TureenError `TUREEN_MODEL_MALFORMED` for a wire type that the field does not have
   */
  addHeader(cursor: WireCursor, field: WireField, frame?: number): void {
    const { number, type, start, payload, end } = field
    switch (number) {
      case tensorFields.dims:
        if (type !== wireType.bytes) requireWireType(field, wireType.varint)
        for (cursor.offset = payload; cursor.offset < end; ) this.#dims.push(readInt64(cursor, end))
        return
      case tensorFields.dataType:
        this.#dataType = readInt32(cursor, field)
        return
      case tensorFields.name:
        requireWireType(field, wireType.bytes)
        this.#name = readName(cursor, payload, end)
        return
      case tensorFields.dataLocation:
        this.#isExternal = readInt32(cursor, field) === external
        break
      case tensorFields.externalData:
        requireWireType(field, wireType.bytes)
        break
      default:
        return
    }
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
   * Returns the tensor. Reads the place of its elements in another file, and moves the cursor.
   *
   * @throws TureenError `TUREEN_MODEL_MALFORMED` if dims and payload contradict each other
   */
  finish(cursor: WireCursor, path: string): TensorEntry {
    const name = this.#name
    const fail = (message: string) =>
      new TureenError('TUREEN_MODEL_MALFORMED', `The tensor ${name || path} ${message}.`, [
        { tensor: name || path, message },
      ])
    const dims = this.#dims
    if (dims.length > limits.tensorRank)
      throw limitExceeded('tensorRank', `dimensions in the tensor ${name || path}`, { tensor: name || path })
    const elements = dims.reduce((product, dim) => {
      if (dim < 0) throw fail(`has a negative dimension: [${dims.join(', ')}]`)
      return product * dim
    }, 1)
    if (!Number.isSafeInteger(elements)) throw fail(`has more elements than can be: [${dims.join(', ')}]`)
    const dataType = this.#dataType
    const dtype = dtypeOf(dataType)
    // Elements in the model's own file do not count if the tensor also names another file. onnxruntime reads the other
    // file, too.
    const payload: TensorPayload = this.#isExternal
      ? this.#externalPayload(cursor, dtype, elements, fail)
      : this.#payload(dtype)
    checkLength(dtype, dims, elements, payload, fail)
    return { name, path, frame: -1, dataType, dims, elements, payload }
  }

  #externalPayload(
    cursor: WireCursor,
    dtype: DType | undefined,
    elements: number,
    fail: (message: string) => TureenError,
  ): ExternalPayload {
    const fields = this.#externalFields ?? []
    const entries = new Map<string, string>()
    for (const { start, end } of fields) {
      cursor.offset = start
      const field = readField(cursor, end)
      if (field.number === tensorFields.externalData) addEntry(entries, cursor, field)
    }
    return externalPayload(entries, dtype, elements, [...fields, ...this.#payloadFields], fail)
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

/** Reads a signed number. Beyond 53 bits it is rounded. */
function readInt64(cursor: WireCursor, end: number): number {
  const { low, high } = readVarint64(cursor, end)
  return (high | 0) * 0x100000000 + low
}

/** Reads a field that holds a number of 32 bits. */
function readInt32(cursor: WireCursor, field: WireField): number {
  requireWireType(field, wireType.varint)
  cursor.offset = field.payload
  return readVarint64(cursor, field.end).low | 0
}

/** Adds a StringStringEntryProto. Of several entries with one key the last one counts. */
function addEntry(entries: Map<string, string>, cursor: WireCursor, { payload, end }: WireField): void {
  let [key, value] = ['', '']
  for (cursor.offset = payload; cursor.offset < end; ) {
    const field = readField(cursor, end)
    if (field.number > 2) continue
    requireWireType(field, wireType.bytes)
    const text = readName(cursor, field.payload, field.end)
    if (field.number === 1) key = text
    else value = text
  }
  entries.set(key, value)
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
