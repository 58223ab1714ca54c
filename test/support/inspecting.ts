import type { Finding } from '../../src/errors.ts'
import { type MatchedInputs, matchInputs } from '../../src/merge/match-inputs.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { averagedPaths } from '../../src/onnx/averaged-tensors.ts'
import { type ByteSource, memorySource } from '../../src/onnx/byte-source.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { buildNetwork } from '../../src/onnx/graph/build-network.ts'
import { fingerprintOf } from '../../src/onnx/graph/fingerprint.ts'
import { inspectModel } from '../../src/onnx/graph/inspect-model.ts'
import type { Network } from '../../src/onnx/graph/network.ts'
import type { Layout } from '../../src/onnx/layout.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { decodeSkeleton, describeModel, describeTensor, type ModelDescription } from '../../src/onnx/skeleton.ts'

/** Returns the index of a model that is held in memory. */
export function layoutOf(model: Uint8Array): Layout {
  return readLayout(memorySource(model))
}

/** Returns the network of a model that is held in memory. */
export function networkOfBytes(model: Uint8Array): Network {
  const source = memorySource(model)
  const layout = readLayout(source)
  return buildNetwork(layout, decodeSkeleton(layout), source)
}

/** Returns the description of a model that is held in memory. */
export function descriptionOf(bytes: Uint8Array): ModelDescription {
  const layout = layoutOf(bytes)
  return describeModel(layout, decodeSkeleton(layout), averagedPaths(layout, networkOfBytes(bytes)))
}

export function fingerprintOfBytes(model: Uint8Array): string {
  return fingerprintOf(networkOfBytes(model), { source: memorySource(model), data: new Map() })
}

/** Returns a model matched with the base. `data`: the files beside either. */
export function matchOf(base: Uint8Array, other: Uint8Array, data: ModelFiles['data'] = new Map()): MatchedInputs {
  const inputs = [base, other].map((bytes, index) => {
    const source = memorySource(bytes)
    const files = { source, data, layout: readLayout(source) }
    return { ...files, label: `model ${index}`, sha256: String(index), weight: 1 }
  })
  return matchInputs(mergeInputs(inputs))
}

/** Returns the differences that prevent a soup of a model with the base, without the label of the base; empty if there are none. */
export function differencesOf(base: Uint8Array, other: Uint8Array, data?: ModelFiles['data']): Finding[] {
  return matchOf(base, other, data).problems.map(({ model: _model, ...problem }) => problem)
}

/** True if a model is the network of the base, except for the order of operands of commutative operators. */
export function isReordering(base: Uint8Array, other: Uint8Array): boolean {
  const { problems, warnings } = matchOf(base, other)
  return problems.length === 0 && warnings.some(({ message }) => message.includes('commutative operators'))
}

/** Does all inspections of an uploaded file before it is accepted. A model with external data has no fingerprint yet. */
export function inspectSource(source: ByteSource): void {
  const layout = readLayout(source)
  layout.tensors.forEach(describeTensor)
  inspectModel({ layout, source, data: new Map() })
}
