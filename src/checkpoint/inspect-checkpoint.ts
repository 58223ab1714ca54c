import { createHash } from 'node:crypto'
import type { CheckpointDescription } from '../../schemas/checkpoint.ts'
import { averagedPaths } from '../onnx/averaged-tensors.ts'
import { externalLocations, type ModelFiles, requireOwnData } from '../onnx/external-data.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import { knownNetwork } from '../onnx/graph/known-network.ts'
import type { CheckpointFacts, Layout } from '../onnx/layout.ts'
import { describeWeights } from '../onnx/skeleton.ts'

/** Changes when the fingerprint of a checkpoint would change. */
const fingerprintVersion = 1

/**
 * Describes a checkpoint as `inspectModel` describes a model. It has no inputs, outputs and operator sets. Its fingerprint is a digest of keys,
 * types and dims, so checkpoints with equal fingerprints can be averaged; it is null while shards are missing.
 *
 * @throws TureenError `TUREEN_NOT_FOUND` for a shard that the index does not name
 */
export function inspectCheckpoint(
  { layout, ...files }: ModelFiles & { layout: Layout },
  checkpoint: CheckpointFacts,
): InspectedModel {
  const needed = externalLocations(layout)
  requireOwnData(layout, files.data)
  const isComplete = [...needed.keys()].every(location => files.data.has(location))
  // Of tensors whose shard is missing, only the keys are known.
  const known = layout.tensors.filter(({ dataType }) => dataType !== 0)
  const network = knownNetwork({ layout, source: files.source })
  return {
    ...describeWeights({ ...layout, tensors: known }, averagedPaths(layout, network)),
    tensorCount: layout.tensors.length,
    externalData: [...needed.keys()],
    irVersion: null,
    producer: null,
    opsets: [],
    inputs: [],
    outputs: [],
    dataBytes: [...needed.values()],
    fingerprint: isComplete ? fingerprintOf(layout) : null,
    checkpoint: description(checkpoint),
  }
}

function fingerprintOf({ tensors }: Layout): string {
  const lines = tensors.map(({ name, dataType, dims }) => JSON.stringify([name, dataType, dims])).sort()
  const hash = createHash('sha256').update(`checkpoint ${fingerprintVersion}\n`)
  for (const line of lines) hash.update(line).update('\n')
  return `sha256:${hash.digest('hex')}`
}

/** Most texts of a header that a record shows, and most characters of each. The file keeps all. */
const [mostTexts, mostCharacters] = [64, 256]

function description({ format, root, roots, metadata, ignored }: CheckpointFacts): CheckpointDescription {
  // Schemas have no place for this key.
  const texts = [...metadata].filter(([key]) => key !== '__proto__').slice(0, mostTexts)
  const shown = Object.fromEntries(texts.map(entry => entry.map(text => text.slice(0, mostCharacters).toWellFormed())))
  return { format, root, roots: [...roots], metadata: shown, ignored: [...ignored] }
}
