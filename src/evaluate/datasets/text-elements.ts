import { malformedDataset, unsupportedDataset } from './refusals.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes a string of fixed width as NumPy stores it, without its padding of zeros. */
type TextDecode = (bytes: Uint8Array<ArrayBuffer>, array: string) => string

/**
 * Decodes NumPy's type S: bytes, which must be UTF-8.
 * @throws TureenError `TUREEN_DATASET_UNSUPPORTED` if they are not
 */
export const decodeUtf8: TextDecode = (bytes, array) => {
  let length = bytes.byteLength
  while (length > 0 && bytes[length - 1] === 0) length -= 1
  try {
    return utf8.decode(bytes.subarray(0, length))
  } catch {
    throw unsupportedDataset(
      `The array ${array} holds text that is not UTF-8. Save it with np.char.decode(x, 'latin-1'), or whatever its encoding is.`,
      { tensor: array },
    )
  }
}

/**
 * Decodes NumPy's type U: code points of 4 bytes, little-endian.
 * @throws TureenError `TUREEN_DATASET_MALFORMED` if one is not a character of Unicode
 */
export const decodeUtf32: TextDecode = (bytes, array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = bytes.byteLength
  while (end > 0 && view.getUint32(end - 4, true) === 0) end -= 4
  let text = ''
  for (let at = 0; at < end; at += 4) {
    const point = view.getUint32(at, true)
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw malformedDataset(
        `The array ${array} holds U+${point.toString(16)}, which is not a character. Save it again.`,
        { tensor: array, actual: `U+${point.toString(16)}` },
      )
    }
    text += String.fromCodePoint(point)
  }
  return text
}
