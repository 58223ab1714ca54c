import type { TureenError } from '../errors.ts'
import { type DType, rawBytes } from '../tensor/dtype.ts'
import type { ExternalPayload, FramedSpan } from './layout.ts'
import { limits } from './model-limits.ts'
import { isEscaped } from './names.ts'

/**
 * Locates the elements of a tensor with external data by its external_data entries location, offset and length. Other
 * entries, such as a checksum, are ignored. Without a length, the dims give it.
 *
 * @throws TureenError `TUREEN_MODEL_MALFORMED` through `fail`, if an entry is not a valid number or contradicts the
 * dims
 */
export function externalPayload(
  entries: ReadonlyMap<string, string>,
  dtype: DType | undefined,
  elements: number,
  fields: FramedSpan[],
  fail: (message: string) => TureenError,
): ExternalPayload {
  const location = entries.get('location') ?? ''
  if (location === '') throw fail('has external data without a location')
  if (location.length > limits.locationCharacters)
    throw fail(
      `has external data with a location of ${location.length} characters; ${limits.locationCharacters} is the limit`,
    )
  if (isEscaped(location))
    throw fail(`has external data at the location ${location}, which is not UTF-8; rename the file to a name in UTF-8`)
  if (dtype?.name === 'string') throw fail('holds strings in external data, which ONNX does not allow')
  const expected = dtype ? rawBytes(dtype, elements) : undefined
  const offset = byteCount(entries.get('offset'), 'offset', fail) ?? 0
  const length = byteCount(entries.get('length'), 'length', fail) ?? expected ?? 0
  if (expected !== undefined && length !== expected)
    throw fail(`takes ${expected} bytes by its dims, but its external data have the length ${length}`)
  if (!Number.isSafeInteger(offset + length)) throw fail(`has external data at offset ${offset}, beyond any file`)
  return { form: 'external', location, offset, length, fields }
}

/** Parses an entry, which holds a number as decimal text. */
function byteCount(text: string | undefined, name: string, fail: (message: string) => TureenError): number | undefined {
  if (text === undefined || text === '') return undefined
  const value = /^\s*\+?\d+\s*$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw fail(`has external data with the ${name} ${text.slice(0, 40)}, which is no place in a file`)
}
