import type { ByteSource } from '../../onnx/byte-source.ts'
import type { TensorEntry } from '../../onnx/layout.ts'
import { messages } from '../../onnx/messages.ts'
import { limits } from '../../onnx/model-limits.ts'
import { TensorCollector } from '../../onnx/tensor-collector.ts'
import { malformed, readField, wireCursor } from '../../onnx/wire.ts'
import { unsupportedDataset } from './refusals.ts'

/** Most bytes of a tensor's fields, without its elements. */
const headerBytes = 1024 * 1024
/** Number of the field TensorProto.segment, which no program writes. In SequenceProto, MapProto and OptionalProto it holds the values. */
const segmentField = 3
/**
 * Indexes a file with one serialised TensorProto: its header, and the place of its elements. It reads no elements.
 * @param file name of the file, for errors
 * @param array name of the tensor in the data set, for errors
 * @throws TureenError `TUREEN_MODEL_MALFORMED`, `TUREEN_MODEL_LIMIT`, `TUREEN_DATASET_UNSUPPORTED`
 */
export function indexTensor(source: ByteSource, file: string, array: string): TensorEntry {
  const cursor = wireCursor(source)
  const collector = new TensorCollector()
  let bytes = 0
  for (let fields = 0; cursor.offset < source.byteLength; fields += 1) {
    if (fields > limits.payloadRuns) {
      throw unsupportedDataset(
        `The file ${file} is written in more than ${limits.payloadRuns} pieces. Save its tensor with numpy_helper.from_array.`,
        { tensor: array, location: file, expected: `${limits.payloadRuns} pieces at most` },
      )
    }
    const field = readField(cursor, source.byteLength)
    if (field.number === segmentField) {
      throw unsupportedDataset(
        `The file ${file} holds a sequence, a map or an optional value. Only tensors (TensorProto) are read.`,
        { tensor: array, location: file, expected: 'TensorProto' },
      )
    }
    const [, role] = messages.Tensor[field.number] ?? []
    if (role === 'payload') collector.addPayload(field)
    if (role === 'text' || role === 'Entry') {
      bytes += field.end - field.start
      if (bytes > headerBytes) throw malformed('The header of the tensor is longer than can be', 0)
      collector.addHeader(cursor, field)
    }
    cursor.offset = field.end
  }
  return collector.finish(cursor, array)
}
