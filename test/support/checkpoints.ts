import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import type { Layout } from '../../src/onnx/layout.ts'

const folder = new URL('../fixtures/checkpoints/', import.meta.url)

const expectedFile = z.object({
  tensors: z.record(
    z.string(),
    z.record(z.string(), z.object({ dtype: z.string(), dims: z.array(z.number()), hex: z.string() })),
  ),
  means: z.record(z.string(), z.record(z.string(), z.string())),
})

/** Answers of PyTorch and NumPy about the fixtures. */
const expected = expectedFile.parse(JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')))

/** Returns a file of test/fixtures/checkpoints. */
export function checkpointBytes(name: string): Buffer<ArrayBuffer> {
  return Buffer.from(new Uint8Array(readFileSync(new URL(name, folder))).buffer)
}

export function checkpoint(name: string) {
  return memorySource(checkpointBytes(name))
}

export function layoutOfCheckpoint(name: string): Layout {
  return readWeights({ source: checkpoint(name), data: new Map() })
}

/** The tensors that PyTorch has in a fixture: element type, dims, and elements as hexadecimal digits. */
export function expectedTensors(name: string) {
  return expected.tensors[name] ?? {}
}

/** Means by NumPy of all fixtures of one kind, each rounded once, as hexadecimal digits. */
export function expectedMeans(kind: 'epochs' | 'steps') {
  return expected.means[kind] ?? {}
}

/** Returns the tensors of a whole checkpoint file, with their elements as hexadecimal digits. */
export function checkpointTensors(bytes: Uint8Array) {
  const source = memorySource(bytes)
  return readWeights({ source, data: new Map() }).tensors.map(tensor => {
    const elements = elementSource(tensor, source)
    return { ...tensor, hex: Buffer.from(readBytes(elements, 0, elements.byteLength)).toString('hex') }
  })
}
