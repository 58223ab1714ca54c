import type { ByteSource } from '../../src/onnx/byte-source.ts'

/** Bytes, or a hole: a number of bytes that must not be read. */
export type VirtualPart = Uint8Array | { hole: number }

export type VirtualSource = ByteSource & { bytesRead(): number; reads(): number }

/** A reader may read this far ahead: a read of a header includes the bytes after it. */
const lookahead = 16 * 1024

/** Returns a file of any size that exists only outside its holes. A read in a hole (beyond a read-ahead) throws. */
export function virtualSource(parts: readonly VirtualPart[]): VirtualSource {
  const placed: { start: number; end: number; part: VirtualPart }[] = []
  let byteLength = 0
  for (const part of parts) {
    const end = byteLength + (part instanceof Uint8Array ? part.byteLength : part.hole)
    placed.push({ start: byteLength, end, part })
    byteLength = end
  }
  let bytesRead = 0
  let reads = 0
  return {
    byteLength,
    bytesRead: () => bytesRead,
    reads: () => reads,
    read(offset, target) {
      const until = offset + target.byteLength
      if (offset < 0 || until > byteLength) throw new RangeError(`read of ${offset}..${until} beyond ${byteLength}`)
      bytesRead += target.byteLength
      reads += 1
      for (const { start, end, part } of placed) {
        const from = Math.max(start, offset)
        const to = Math.min(end, until)
        if (from >= to) continue
        if (part instanceof Uint8Array) target.set(part.subarray(from - start, to - start), from - offset)
        else if (to - start > lookahead) throw new Error(`payload was read: ${from}..${to}`)
        else target.fill(0xff, from - offset, to - offset)
      }
    },
  }
}
