import { readFileSync } from 'node:fs'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import type { Correspondence } from '../../src/export/correspondence.ts'
import { deriveWeight } from '../../src/export/derive-weight.ts'
import { graphTargets } from '../../src/export/graph-targets.ts'
import { type IndexedFiles, readTensor, tensorSupplier } from '../../src/export/read-tensors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'

const folder = new URL('../fixtures/exports/', import.meta.url)

/** Returns a file of test/fixtures/exports, indexed. */
export function exportedFile(name: string): IndexedFiles {
  return indexed(Uint8Array.from(readFileSync(new URL(name, folder))))
}

/** Returns a model or a checkpoint in memory, indexed. */
export function indexed(bytes: Uint8Array): IndexedFiles {
  const files = { source: memorySource(bytes), data: new Map() }
  return { ...files, layout: readWeights(files) }
}

/** Returns the elements of all weights that a correspondence derives from a checkpoint, as hexadecimal digits, by name. */
export function derivedWeights({ weights, shared }: Correspondence, checkpoint: IndexedFiles) {
  const read = tensorSupplier(checkpoint)
  const others = shared.flatMap(each => each.others.map(({ output, derivation }) => ({ tensor: output, derivation })))
  return Object.fromEntries(
    [...weights, ...others].map(({ tensor, derivation }) => {
      const { bytes, ...form } = deriveWeight(derivation, read)
      return [tensor, { ...form, hex: Buffer.from(bytes).toString('hex') }]
    }),
  )
}

/** Returns the elements of all weights of a model, as hexadecimal digits, by name. */
export function ownWeights(model: IndexedFiles) {
  return Object.fromEntries(
    graphTargets(model).targets.map(({ tensor }) => {
      const { bytes, ...form } = readTensor(tensor, model)
      return [tensor.name, { ...form, hex: Buffer.from(bytes).toString('hex') }]
    }),
  )
}
