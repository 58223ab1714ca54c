import { checkpointLimits } from '../checkpoint-limits.ts'
import { checkpointTooLarge, malformedCheckpoint } from '../unreadable-checkpoint.ts'

/** Reads the operations and arguments of a pickle, byte by byte. Numbers are little-endian. */
export type PickleReader = {
  /** Offset of the next byte. */
  readonly at: number
  byte(): number
  /** Reads an unsigned number of 2, 4 or 8 bytes. */
  unsigned(bytes: 2 | 4 | 8): number
  int32(): number
  /** Reads a big-endian binary64. */
  float(): number
  /** Skips a number of bytes. */
  skip(bytes: number): void
  text(bytes: number, encoding: 'utf8' | 'latin1'): string
  /** Reads a line of ASCII without its end. */
  line(): string
  /** Reads a two's complement number of some bytes; undefined above 53 bits. */
  long(bytes: number): number | undefined
}

/** Most bytes of a line: names of modules and classes. */
const longestLine = 1000

export function pickleReader(bytes: Uint8Array): PickleReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let at = 0
  /** Returns the offset of the next `count` bytes, and moves behind them. */
  const take = (count: number) => {
    if (count > buffer.byteLength - at)
      throw malformedCheckpoint(`has a pickle that ends at byte ${buffer.byteLength}, inside of a value at byte ${at}`)
    const start = at
    at += count
    return start
  }
  return {
    get at() {
      return at
    },
    byte: () => buffer.readUInt8(take(1)),
    unsigned(count) {
      const start = take(count)
      return count === 8 ? Number(buffer.readBigUInt64LE(start)) : buffer.readUIntLE(start, count)
    },
    int32: () => buffer.readInt32LE(take(4)),
    float: () => buffer.readDoubleBE(take(8)),
    skip: count => void take(count),
    text(count, encoding) {
      const start = take(count)
      const slice = buffer.subarray(start, start + count)
      if (encoding === 'latin1') return slice.toString('latin1')
      try {
        return decoder.decode(slice)
      } catch (error) {
        throw malformedCheckpoint(`has a text at byte ${start} of its pickle that is not UTF-8`, {}, error)
      }
    },
    line() {
      const end = buffer.indexOf(0x0a, at)
      if (end < 0 || end - at > longestLine)
        throw malformedCheckpoint(`has a name without an end at byte ${at} of its pickle`)
      const start = take(end - at + 1)
      return buffer.toString('latin1', start, end)
    },
    long(count) {
      const start = take(count)
      if (count === 0) return 0
      if (count > 8) return undefined
      const value = Number(BigInt.asIntN(count * 8, hexadecimal(buffer.subarray(start, start + count))))
      return Number.isSafeInteger(value) ? value : undefined
    },
  }
}

function hexadecimal(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`)
}

/** Checks the size of a pickle. @throws TureenError `TUREEN_MODEL_LIMIT` */
export function requireShortPickle(bytes: number): void {
  if (bytes > checkpointLimits.pickleBytes) throw checkpointTooLarge('pickleBytes', 'bytes in its pickle')
}
