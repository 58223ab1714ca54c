import { TureenError } from '../../errors.ts'
import { readBytes } from '../../onnx/byte-source.ts'
import { elementSource } from '../../onnx/elements.ts'
import type { TensorEntry } from '../../onnx/layout.ts'
import { limits } from '../../onnx/model-limits.ts'
import { type FileSource, openFileSource } from '../../storage/file-source.ts'
import { dtypeName, dtypeOf, rawBytes } from '../../tensor/dtype.ts'
import { type ArrayValues, elementViewOf, viewElements } from './array-values.ts'
import { datasetLimits } from './dataset-limits.ts'
import type { DatasetFile } from './dataset-types.ts'
import type { ReadCount } from './entry-reader.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'
import { indexTensor } from './tensor-index.ts'

/** The header of a tensor's file. `dtype`: ONNX's name of the element type; `byteLength`: bytes of the elements. */
export type TensorHeader = { name: string; dtype: string; dims: number[]; byteLength: number }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads the header of a serialised TensorProto. @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED` */
export function readTensorHeader(file: DatasetFile, array: string, count: ReadCount): TensorHeader {
  return withTensor(file, array, count, tensor => {
    const dtype = dtypeName(tensor.dataType)
    return { name: tensor.name, dtype, dims: tensor.dims, byteLength: byteLengthOf(tensor) }
  })
}

/**
 * Reads the tensor of a serialised TensorProto, in any of ONNX's encodings.
 * @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED`
 */
export function readTensor(file: DatasetFile, array: string, count: ReadCount): ArrayValues {
  return withTensor(file, array, count, (tensor, source) => {
    const dtype = dtypeName(tensor.dataType)
    const { dims } = tensor
    if (dtype === 'string') return { dtype, dims, data: readStrings(tensor, source, file.name, array) }
    const bytes = readBytes(elementSource(tensor, source), 0, byteLengthOf(tensor))
    // For protobuf every byte except 0 is true. onnxruntime's kernels may expect 1.
    if (dtype === 'bool') for (let i = 0; i < bytes.length; i += 1) bytes[i] = bytes[i] === 0 ? 0 : 1
    return { dtype, dims, data: viewElements(dtype, bytes.buffer, 0, tensor.elements) }
  })
}

function withTensor<Result>(
  { name, path }: DatasetFile,
  array: string,
  count: ReadCount,
  use: (tensor: TensorEntry, source: FileSource) => Result,
): Result {
  const source = openFileSource(path)
  try {
    if (source.byteLength > datasetLimits.tensorFileBytes) {
      throw unsupportedDataset(
        `The file ${name} has ${source.byteLength} bytes; ${datasetLimits.tensorFileBytes} is the limit. Split the case.`,
        {
          tensor: array,
          location: name,
          expected: `${datasetLimits.tensorFileBytes} bytes at most`,
          actual: `${source.byteLength} bytes`,
        },
      )
    }
    const tensor = indexTensor(source, name, array)
    requireReadable(tensor, name, array)
    return use(tensor, source)
  } catch (error) {
    throw asDatasetError(error, name, array)
  } finally {
    count.bytesRead += source.bytesRead
    source.close()
  }
}

/** Returns an error of the model reader as the refusal of a data set. Other errors stay unchanged. */
function asDatasetError(error: unknown, file: string, array: string): unknown {
  if (!(error instanceof TureenError) || !error.code.startsWith('TUREEN_MODEL_')) return error
  const reason = error.message.replace(' The file is damaged or is not an ONNX model. Export or download it again.', '')
  const message = `The file ${file} cannot be read as a serialised TensorProto: ${reason}`
  return error.code === 'TUREEN_MODEL_MALFORMED'
    ? malformedDataset(message, { tensor: array, location: file }, error)
    : unsupportedDataset(message, { tensor: array, location: file })
}

/** Refuses a tensor that cannot be read: unsupported types and places, too few bytes for its elements, or too large. */
function requireReadable(tensor: TensorEntry, file: string, array: string): void {
  const { dataType, elements, payload, dims } = tensor
  const dtype = dtypeName(dataType)
  if (dataType === 0)
    throw malformedDataset(`The tensor in ${file} has no element type. Save it again.`, {
      tensor: array,
      location: file,
    })
  if (dtype !== 'string' && !elementViewOf(dtype)) {
    throw unsupportedDataset(`The tensor in ${file} is of ${dtype}, which is not read. Save it as another type.`, {
      tensor: array,
      location: file,
      actual: dtype,
    })
  }
  if (payload.form === 'external') {
    throw unsupportedDataset(`The elements of the tensor in ${file} are in another file. Save it as one file.`, {
      tensor: array,
      location: file,
    })
  }
  if (payload.form === 'fixed') {
    const unpacked = payload.runs.filter(({ stride, width }) => stride !== width)
    if (unpacked.reduce((sum, { count }) => sum + count, 0) > limits.payloadRuns) {
      throw unsupportedDataset(
        `The tensor in ${file} is written value by value. Save it with numpy_helper.from_array.`,
        { tensor: array, location: file },
      )
    }
  }
  const atMost = payload.form === 'varint' ? payload.runs.reduce((sum, { offset, end }) => sum + end - offset, 0) : 0
  if (elements > atMost && (payload.form === 'none' || payload.form === 'varint')) {
    throw malformedDataset(
      `The tensor in ${file} is ${dtype} [${dims.join(', ')}], but holds fewer elements. Save it again.`,
      { tensor: array, location: file, expected: `${elements} elements` },
    )
  }
  if (byteLengthOf(tensor) > datasetLimits.batchBytes) {
    throw unsupportedDataset(
      `The tensor in ${file} takes ${byteLengthOf(tensor)} bytes in memory; ${datasetLimits.batchBytes} is the limit. Split the case.`,
      {
        tensor: array,
        location: file,
        expected: `${datasetLimits.batchBytes} bytes at most`,
        actual: `${byteLengthOf(tensor)} bytes`,
      },
    )
  }
}

function byteLengthOf({ dataType, elements, payload }: TensorEntry): number {
  if (payload.form === 'strings') return payload.values.reduce((sum, { start, end }) => sum + end - start, 0)
  const dtype = dtypeOf(dataType)
  return dtype ? rawBytes(dtype, elements) : 0
}

function readStrings({ payload }: TensorEntry, source: FileSource, file: string, array: string): string[] {
  if (payload.form !== 'strings') return []
  const [first] = payload.values
  const from = first?.start ?? 0
  const bytes = readBytes(source, from, (payload.values.at(-1)?.end ?? from) - from)
  try {
    return payload.values.map(({ start, end }) => utf8.decode(bytes.subarray(start - from, end - from)))
  } catch {
    throw unsupportedDataset(`The tensor in ${file} holds text that is not UTF-8. Save it as UTF-8.`, {
      tensor: array,
      location: file,
      expected: 'UTF-8',
    })
  }
}
