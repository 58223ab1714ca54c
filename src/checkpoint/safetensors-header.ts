import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import { limitExceeded } from '../onnx/limit-exceeded.ts'
import { limits } from '../onnx/model-limits.ts'
import { checkpointLimits } from './checkpoint-limits.ts'
import { type JsonScanner, jsonScanner } from './json-scanner.ts'
import { bitsOf, codeOfSafetensors, safetensorsDtypes } from './safetensors-dtypes.ts'
import { checkpointTooLarge, malformedCheckpoint, shownName } from './unreadable-checkpoint.ts'

/** A tensor in a safetensors file. `start`, `end`: its bytes, counted from the start of the file. `dataType`: code of its element type. */
export type StoredTensor = {
  key: string
  dataType: number
  dims: number[]
  elements: number
  start: number
  end: number
}

export type SafetensorsHeader = { tensors: StoredTensor[]; metadata: Map<string, string> }

/** Bytes of the length before the header. */
const lengthBytes = 8
/** Key of the entry that holds texts in place of a tensor. */
const metadataKey = '__metadata__'

/**
 * Reads the header of a safetensors file: eight bytes with its length, then JSON. Checks that the tensors fill the rest of the file, without
 * gaps and overlaps (https://github.com/huggingface/safetensors#format).
 *
 * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`, `TUREEN_MODEL_LIMIT`
 */
export function readSafetensorsHeader(source: ByteSource): SafetensorsHeader {
  const length = headerLength(source)
  const data = lengthBytes + length
  const json = jsonScanner(readBytes(source, lengthBytes, length), 'header')
  const tensors: StoredTensor[] = []
  let metadata = new Map<string, string>()
  json.object('the name of a tensor', key => {
    if (key === metadataKey) {
      metadata = readTexts(json)
      return
    }
    if (tensors.length >= limits.tensors) throw limitExceeded('tensors', 'tensors')
    tensors.push(readTensor(json, key, data))
  })
  json.end()
  requireFilled(tensors, data, source.byteLength)
  return { tensors, metadata }
}

function headerLength(source: ByteSource): number {
  if (source.byteLength < lengthBytes) throw malformedCheckpoint(`has ${source.byteLength} bytes, too few for a header`)
  const length = Number(new DataView(readBytes(source, 0, lengthBytes).buffer).getBigUint64(0, true))
  if (length > checkpointLimits.headerBytes)
    throw malformedCheckpoint(
      `says that its header has ${length.toLocaleString('en')} bytes; ${checkpointLimits.headerBytes.toLocaleString('en')} is the limit of the format`,
    )
  if (lengthBytes + length > source.byteLength)
    throw malformedCheckpoint(`says that its header has ${length} bytes, and ends before`)
  return length
}

function readTexts(json: JsonScanner): Map<string, string> {
  const texts = new Map<string, string>()
  json.object('a key of __metadata__', key => {
    if (texts.size >= checkpointLimits.texts) throw checkpointTooLarge('texts', 'texts in its header')
    texts.set(key, json.text('a text of __metadata__'))
  })
  return texts
}

/** Reads the entry of one tensor. @param data start of the data in the file */
function readTensor(json: JsonScanner, key: string, data: number): StoredTensor {
  const tensor = shownName(key)
  const fail = (found: string) => malformedCheckpoint(`has the tensor ${tensor}, which ${found}`, { tensor })
  if (Buffer.byteLength(key) > limits.textBytes) throw limitExceeded('textBytes', 'bytes in the name of a tensor')
  let dtype: string | undefined
  let dims: number[] | undefined
  let offsets: number[] | undefined
  json.object('a field of a tensor', field => {
    if (field === 'dtype') dtype = json.text('an element type')
    else if (field === 'shape')
      dims = readCounts(json, limits.tensorRank, () =>
        limitExceeded('tensorRank', `dimensions in the tensor ${tensor}`, { tensor }),
      )
    else if (field === 'data_offsets') offsets = readCounts(json, 2, () => fail('has more than two data_offsets'))
    else
      throw fail(
        `has the field ${JSON.stringify(shownName(field))}; dtype, shape and data_offsets are those of the format`,
      )
  })
  const [start, end] = offsets ?? []
  if (dtype === undefined || dims === undefined || start === undefined || end === undefined)
    throw fail('lacks dtype, shape or data_offsets')
  const dataType = codeOfSafetensors(dtype)
  if (dataType === undefined)
    throw fail(`has the element type ${shownName(dtype)}; known are ${safetensorsDtypes.join(', ')}`)
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const bits = elements * bitsOf(dataType)
  if (!Number.isSafeInteger(bits)) throw fail(`has more elements than can be: [${dims.join(', ')}]`)
  if (bits % 8 !== 0) throw fail(`has ${elements} elements of ${dtype}, which fill no whole bytes`)
  if (end - start !== bits / 8) throw fail(`has ${bits / 8} bytes by its shape, and data_offsets [${start}, ${end}]`)
  return { key, dataType, dims, elements, start: data + start, end: data + end }
}

/** Reads a list of counts. @param tooMany returns the error for more than `most` */
function readCounts(json: JsonScanner, most: number, tooMany: () => Error): number[] {
  const counts: number[] = []
  json.expect('[')
  if (json.takes(']')) return counts
  do {
    if (counts.length >= most) throw tooMany()
    counts.push(json.count('a whole number'))
  } while (json.takes(','))
  json.expect(']')
  return counts
}

function requireFilled(tensors: readonly StoredTensor[], data: number, byteLength: number): void {
  let reached = data
  let before = ''
  for (const { key, start, end } of tensors.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    const tensor = shownName(key)
    if (start < reached)
      throw malformedCheckpoint(`has the tensor ${tensor}, which shares bytes with ${before}`, { tensor })
    if (start > reached)
      throw malformedCheckpoint(`has ${start - reached} bytes before the tensor ${tensor} that belong to no tensor`, {
        tensor,
      })
    if (end > byteLength)
      throw malformedCheckpoint(`ends at byte ${byteLength}, and its tensor ${tensor} at byte ${end}`, { tensor })
    reached = end
    before = tensor
  }
  if (reached < byteLength)
    throw malformedCheckpoint(`has ${byteLength - reached} bytes after its last tensor that belong to no tensor`)
}
