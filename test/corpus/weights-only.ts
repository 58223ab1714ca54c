import { isDeepStrictEqual } from 'node:util'
import type { ByteSource } from '../../src/onnx/byte-source.ts'
import type { TensorEntry } from '../../src/onnx/layout.ts'
import { tensorsOf, withoutPayloads } from '../support/onnx-oracle.ts'
import { type ElementSpan, elementSpans } from './perturb.ts'
import { averagedTensors, contentOf, type ModelFiles } from './product.ts'

const chunkBytes = 1 << 22
/** Decoding makes many times as much of a file as it has bytes. */
const decodedBytes = 64 << 20

/** Where the files of two models differ first, in words; undefined if they are the same byte for byte. */
export function firstDifference(expected: ModelFiles, found: ModelFiles): string | undefined {
  const locations = [...found.data.keys()].sort().join()
  if (locations !== [...expected.data.keys()].sort().join()) return `its external data are ${locations || 'none'}`
  const files: [string, ByteSource, ByteSource | undefined][] = [
    ['the model', expected.source, found.source],
    ...[...expected.data].map(([location, file]): [string, ByteSource, ByteSource | undefined] => [
      `the external data ${location}`,
      file,
      found.data.get(location),
    ]),
  ]
  for (const [name, file, other] of files) {
    if (other?.byteLength !== file.byteLength) return `${name} has ${other?.byteLength} bytes, not ${file.byteLength}`
    const at = differingByte(file, other)
    if (at >= 0) return `${name} differs at byte ${at} of ${file.byteLength}`
  }
  return undefined
}

function differingByte(file: ByteSource, other: ByteSource): number {
  const ours = new Uint8Array(Math.min(chunkBytes, file.byteLength))
  const theirs = new Uint8Array(ours.byteLength)
  for (let offset = 0; offset < file.byteLength; offset += chunkBytes) {
    const length = Math.min(chunkBytes, file.byteLength - offset)
    const [a, b] = [ours.subarray(0, length), theirs.subarray(0, length)]
    file.read(offset, a)
    other.read(offset, b)
    if (Buffer.compare(a, b) !== 0) return offset + a.findIndex((byte, index) => byte !== b[index])
  }
  return -1
}

/** In what beside the weights that it averages a soup differs from the model that it is made from; undefined if in nothing. */
export function otherDifference(
  original: ModelFiles,
  soup: ModelFiles,
  averaged: readonly TensorEntry[],
): string | undefined {
  const blank = withoutElements(original, averaged.flatMap(elementSpans))
  if (averaged.every(({ payload }) => payload.form !== 'varint'))
    return firstDifference(blank, withoutElements(soup, averaged.flatMap(elementSpans)))
  if (original.source.byteLength > decodedBytes) return undefined
  const theirs = averagedTensors(soup)
  return decodedDifference(blank, withoutElements(soup, theirs.flatMap(elementSpans)), averaged)
}

function withoutElements({ source, data }: ModelFiles, spans: readonly ElementSpan[]): ModelFiles {
  const blank = (file: ByteSource, location: string | null): ByteSource => {
    const bytes = contentOf(file)
    for (const { offset, count, stride, width } of spans.filter(span => span.location === location)) {
      if (stride === width) bytes.fill(0, offset, offset + count * width)
      else for (let at = offset, left = count; left > 0; left -= 1, at += stride) bytes.fill(0, at, at + width)
    }
    return { byteLength: bytes.byteLength, read: (offset, target) => void bytes.copy(target, 0, offset) }
  }
  return {
    source: blank(source, null),
    data: new Map([...data].map(([location, file]) => [location, blank(file, location)])),
  }
}

/** Where values that were varints became raw_data, lengths differ too: then the two are compared as onnx-proto decodes them. */
function decodedDifference(
  original: ModelFiles,
  soup: ModelFiles,
  averaged: readonly TensorEntry[],
): string | undefined {
  const [before, after] = [contentOf(original.source), contentOf(soup.source)]
  if (!isDeepStrictEqual(withoutPayloads(before), withoutPayloads(after))) return 'its structure differs when decoded'
  const paths = new Set(averaged.map(({ path }) => path))
  const found = new Map(tensorsOf(after).map(tensor => [tensor.path, tensor]))
  const wrong = tensorsOf(before).find(({ path, bytes }) => !paths.has(path) && !found.get(path)?.bytes.equals(bytes))
  return wrong && `the tensor ${wrong.path} differs, which is not averaged`
}
