import { type ByteSource, readBytes } from './byte-source.ts'
import type { StridedPayload } from './layout.ts'

/** Bytes of a page, and pages that are kept: elements of one row of a transposed matrix lie in as many pages as it has columns. */
const [pageBytes, keptPages] = [4096, 8192]

/** Returns elements that lie apart as raw_data would hold them: contiguous, the last dim running fastest. */
export function stridedSource({ dims, strides, width, offset }: StridedPayload, source: ByteSource): ByteSource {
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const pages = pagedSource(source)
  const innerDim = dims.at(-1) ?? 1
  const innerStride = strides.at(-1) ?? width
  const isRun = innerStride === width
  return {
    byteLength: elements * width,
    read(start, target) {
      let done = 0
      while (done < target.byteLength) {
        const element = Math.floor((start + done) / width)
        const inElement = (start + done) % width
        const left = innerDim - (element % innerDim)
        let place = offset + placeOf(element, dims, strides)
        if (isRun || inElement > 0 || target.byteLength - done < width) {
          const run = (isRun ? left * width : width) - inElement
          const length = Math.min(run, target.byteLength - done)
          pages.read(place + inElement, target.subarray(done, done + length))
          done += length
          continue
        }
        const count = Math.min(left, Math.floor((target.byteLength - done) / width))
        for (let index = 0; index < count; index += 1, place += innerStride, done += width)
          pages.copy(place, width, target, done)
      }
    },
  }
}

/** Returns the place of an element in bytes, by its number. */
function placeOf(element: number, dims: readonly number[], strides: readonly number[]): number {
  let rest = element
  let place = 0
  for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
    const dim = dims[axis] ?? 1
    place += (rest % dim) * (strides[axis] ?? 0)
    rest = Math.floor(rest / dim)
  }
  return place
}

/** A source that reads whole pages. */
type PagedSource = Pick<ByteSource, 'read'> & {
  /** Copies a few bytes from `offset` on into `target` at `at`, without a view for each of millions of elements. */
  copy(offset: number, length: number, target: Uint8Array, at: number): void
}

/** Returns a source that reads whole pages and keeps the last ones, since most elements are few bytes. */
function pagedSource(source: ByteSource): PagedSource {
  const kept = new Map<number, Uint8Array>()
  const pageAt = (index: number): Uint8Array => {
    const known = kept.get(index)
    if (known) return known
    const [oldest] = kept.size >= keptPages ? kept.keys() : []
    if (oldest !== undefined) kept.delete(oldest)
    const start = index * pageBytes
    const page = readBytes(source, start, Math.min(pageBytes, source.byteLength - start))
    kept.set(index, page)
    return page
  }
  const read = (offset: number, target: Uint8Array) => {
    if (target.byteLength >= pageBytes) return source.read(offset, target)
    for (let done = 0; done < target.byteLength; ) {
      const index = Math.floor((offset + done) / pageBytes)
      const inPage = offset + done - index * pageBytes
      const length = Math.min(pageBytes - inPage, target.byteLength - done)
      target.set(pageAt(index).subarray(inPage, inPage + length), done)
      done += length
    }
  }
  return {
    read,
    copy(offset, length, target, at) {
      const index = Math.floor(offset / pageBytes)
      const inPage = offset - index * pageBytes
      if (inPage + length > pageBytes) return read(offset, target.subarray(at, at + length))
      const page = pageAt(index)
      for (let byte = 0; byte < length; byte += 1) target[at + byte] = page[inPage + byte] ?? 0
    },
  }
}
