/**
 * The chunks of a request's body, of which each is there until the next one is asked for, and then no more: its memory is given back at
 * once. Left to the collector, which sees little of it, tens of megabytes would gather, and finding them would take a third of an
 * upload's time.
 */
export async function* freedChunks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    yield chunk
    const { buffer } = chunk
    // Of a part of a form it may have a share only, which others read as well.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0)
  }
}
