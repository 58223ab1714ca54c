import { TureenError } from '../../errors.ts'
import { type ByteSource, readBytes } from '../byte-source.ts'
import { readField, type WireField, wireCursor, wireType } from '../wire.ts'

/** Fields that are read at most. Models have about ten; models with many functions have some hundred. */
const mostFields = 4096

const isGraph = ({ number, type }: WireField) => number === 7 && type === wireType.bytes

/** Yields the first fields of a message. @throws TureenError if it is not protobuf */
function* fieldsOf(source: ByteSource, start = 0, end = source.byteLength): Generator<WireField> {
  const cursor = wireCursor(source, start)
  for (let count = 0; cursor.offset < end && count < mostFields; count += 1) {
    const field = readField(cursor, end)
    yield field
    cursor.offset = field.end
  }
}

/** Returns the result of `read`; undefined if the bytes are not protobuf. */
function ifProtobuf<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TureenError) return undefined
    throw error
  }
}

/** True if a file is protobuf and has an ONNX model's graph. Its first bytes may look like another format. */
export function hasGraph(source: ByteSource): boolean {
  return ifProtobuf(() => [...fieldsOf(source)].some(isGraph)) === true
}

/** Wire types of the fields of ONNX's ModelProto, by number (onnx.proto). */
const modelFields = new Map<number, number>([
  ...[1, 5].map((number): [number, number] => [number, wireType.varint]),
  ...[2, 3, 4, 6, 7, 8, 14, 20, 25, 26].map((number): [number, number] => [number, wireType.bytes]),
])
/** Most bytes of a tag and a length. */
const fieldHeadBytes = 20

/**
 * True if bytes may be the beginning of an ONNX model: fields of protobuf as far as they reach, none of ModelProto's in another wire type. The
 * first must be one of these. A field that ModelProto does not have may follow.
 */
export function mayBeginModel(beginning: ByteSource): boolean {
  const fits = ifProtobuf(() =>
    begunFields(beginning).every(({ number, type, start }) => {
      const expected = modelFields.get(number)
      return expected === undefined ? start > 0 : expected === type
    }),
  )
  return fits === true
}

/**
 * Checks that the beginning of a file is protobuf as far as it reaches.
 * @throws TureenError `TUREEN_MODEL_MALFORMED`, as the reader of the whole file does
 */
export function requireProtobuf(beginning: ByteSource): void {
  begunFields(beginning)
}

/** Returns the fields whose tags and lengths are in the beginning of a file. @throws TureenError if it is not protobuf */
function begunFields(beginning: ByteSource): WireField[] {
  const cursor = wireCursor(beginning)
  const fields: WireField[] = []
  while (cursor.offset + fieldHeadBytes < beginning.byteLength) {
    const field = readField(cursor, Number.MAX_SAFE_INTEGER)
    fields.push(field)
    cursor.offset = field.end
  }
  return fields
}

/**
 * Names the kind of a TensorFlow file by its beginning; undefined for others. A node of a graph stands where a model has the number of its
 * version. The graph of a SavedModel stands where a model has the name of its producer, which is never so long.
 */
export function otherBeginning(beginning: ByteSource): string | undefined {
  return ifProtobuf(() => {
    const cursor = wireCursor(beginning)
    const first = readField(cursor, Number.MAX_SAFE_INTEGER)
    if (first.number !== 1) return undefined
    if (first.type === wireType.bytes) return isTensorFlowNode(beginning, first) ? tensorFlowGraph : undefined
    cursor.offset = first.end
    const second = readField(cursor, Number.MAX_SAFE_INTEGER)
    const isLong = second.number === 2 && second.end - second.start > longestProducer
    return isLong && startsWithMessage(beginning, second) ? savedModel : undefined
  })
}

/** Most bytes of the name of a producer. Names have some twenty, graphs some thousands. */
const longestProducer = 1024

const tensorFlowGraph =
  'The file is a TensorFlow graph (a frozen .pb). Export the model to ONNX with tf2onnx and upload that.'
const savedModel =
  'The file is a TensorFlow SavedModel (saved_model.pb). Export the model to ONNX with tf2onnx and upload that.'

const longestOperator = 64

/** Operators at the beginning of TensorFlow graphs. ONNX has none of these names. */
const tensorFlowOperators =
  /^(Placeholder\w*|Const|NoOp|VarHandleOp|Variable(V2)?|VariableShape|RestoreV2|AssignVariableOp|Iterator\w*|StatefulPartitionedCall)$/

/**
 * Names the kind of a protobuf file that is not ONNX, by its fields; undefined if it may be ONNX or is unknown.
 * Sources: TensorFlow's saved_model.proto and graph.proto, Core ML's Model.proto, ONNX's onnx.proto.
 */
export function otherProtobuf(source: ByteSource): string | undefined {
  return ifProtobuf(() => {
    const fields: WireField[] = []
    for (const field of fieldsOf(source)) {
      if (isGraph(field)) return undefined
      fields.push(field)
    }
    return nameOf(fields, source)
  })
}

/** Names the kind of a file. @param fields of a file without an ONNX model's graph */
function nameOf(fields: readonly WireField[], source: ByteSource): string | undefined {
  const [first, second] = fields
  const has = (number: number, type: number) => fields.some(field => field.number === number && field.type === type)
  if (first?.number !== 1) return undefined
  if (first.type === wireType.bytes) {
    if (isTensorFlowNode(source, first)) return tensorFlowGraph
    if (has(11, wireType.bytes) || has(12, wireType.bytes))
      return 'The file is the graph of an ONNX model without the model around it. Save the whole model (onnx.save).'
    return undefined
  }
  const isSavedModel = second?.number === 2 && fields.every(({ number }) => number <= 2)
  if (isSavedModel && startsWithMessage(source, second)) return savedModel
  if (fields.some(({ number, type }) => number >= 200 && number < 3000 && type === wireType.bytes))
    return 'The file is a Core ML model (.mlmodel). Upload the ONNX model that it was made from.'
  if (has(2, wireType.varint) && fields.every(({ number }) => number <= 14))
    return 'The file is an ONNX tensor (such as input_0.pb of a test data set), not a model. Upload the .onnx file.'
  return undefined
}

/** True if the second field of a node names an operator of TensorFlow. */
function isTensorFlowNode(source: ByteSource, { payload, end }: WireField): boolean {
  const found = ifProtobuf(() => fieldsOf(source, payload, end).find(({ number }) => number === 2))
  if (found?.type !== wireType.bytes || found.end - found.payload > longestOperator) return false
  if (found.end > source.byteLength) return false
  return tensorFlowOperators.test(new TextDecoder().decode(readBytes(source, found.payload, found.end - found.payload)))
}

/** True if a field is a message that begins with another message. The name of a producer never does. */
function startsWithMessage(source: ByteSource, { type, payload, end }: WireField): boolean {
  if (type !== wireType.bytes) return false
  const first = ifProtobuf(() => fieldsOf(source, payload, end).next().value)
  return first?.number === 1 && first.type === wireType.bytes
}
