import type { ByteSource } from './byte-source.ts'
import type { Layout } from './layout.ts'

/** The number of bytes that are read at a time. */
const windowBytes = 16 * 1024

/**
 * Returns the layout of a file that differs from an indexed one in raw_data alone; undefined if it differs in more. Its
 * parts are those of the known layout. Fine-tunes that one program wrote are such files, and are not parsed again.
 * @param known of `indexed`
 */
export function sameLayout(known: Layout, indexed: ByteSource, file: ByteSource): Layout | undefined {
  if (indexed.byteLength !== file.byteLength) return undefined
  // Two equal indices may have different shards, and one file of PyTorch may hold several dicts of tensors.
  if (known.checkpoint && known.checkpoint.format !== 'safetensors') return undefined
  const raw = known.tensors.flatMap(({ payload }) => (payload.form === 'raw' ? [payload] : []))
  raw.sort((a, b) => a.offset - b.offset)
  const isSame = comparison(indexed, file)
  let from = 0
  for (const { offset, length } of raw) {
    if (!isSame(from, offset)) return undefined
    from = Math.max(from, offset + length)
  }
  return isSame(from, indexed.byteLength) ? { ...known } : undefined
}

/** Returns a function that is true if two files hold the same bytes in [from, until). It is asked in ascending order. */
function comparison(a: ByteSource, b: ByteSource): (from: number, until: number) => boolean {
  const [ours, theirs] = [new Uint8Array(windowBytes), new Uint8Array(windowBytes)]
  let [start, end] = [0, 0]
  return (from, until) => {
    for (let at = from; at < until; at += 1) {
      if (at >= end) {
        const length = Math.min(windowBytes, a.byteLength - at)
        a.read(at, ours.subarray(0, length))
        b.read(at, theirs.subarray(0, length))
        start = at
        end = at + length
      }
      if (ours[at - start] !== theirs[at - start]) return false
    }
    return true
  }
}
