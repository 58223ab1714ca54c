/** Bytes of a file that tell its kind: more than the headers of most formats, and fewer than clients send in one go. */
const beginningBytes = 16 << 10

/**
 * Yields the chunks of a stream, after `check` has seen its beginning.
 * @param check called once with the first `length` bytes, or with all of a shorter stream (`isWhole`); it may throw to refuse the rest unseen
 */
export async function* checkedBeginning(
  stream: AsyncIterable<Uint8Array>,
  check: (beginning: Uint8Array, isWhole: boolean) => void,
  length = beginningBytes,
): AsyncGenerator<Uint8Array> {
  const rest = stream[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  try {
    let bytes = 0
    let isWhole = false
    while (!isWhole && bytes < length) {
      const { done, value } = await rest.next()
      if (done) isWhole = true
      else {
        first.push(value)
        bytes += value.byteLength
      }
    }
    // The reader may take the memory of chunks, so that this looks at a copy.
    check(Buffer.concat(first).subarray(0, length), isWhole)
    yield* first
    if (!isWhole) yield* { [Symbol.asyncIterator]: () => rest }
  } finally {
    await rest.return?.()
  }
}
