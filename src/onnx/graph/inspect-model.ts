import type { CheckpointDescription } from '../../../schemas/checkpoint.ts'
import { dtypeOf } from '../../tensor/dtype.ts'
import { averagedPaths } from '../averaged-tensors.ts'
import { chunksOf } from '../byte-source.ts'
import { elementSource } from '../elements.ts'
import { externalLocations, type ModelFiles, requireOwnData } from '../external-data.ts'
import type { Layout } from '../layout.ts'
import { limitExceeded } from '../limit-exceeded.ts'
import { limits } from '../model-limits.ts'
import { decodeSkeleton, describeModel, type ModelDescription } from '../skeleton.ts'
import { fingerprintOf } from './fingerprint.ts'
import { knownNetwork } from './known-network.ts'

/** A model's description. `dataBytes`: bytes needed of each external data file, in the order of `externalData`. */
export type InspectedModel = ModelDescription & {
  dataBytes: number[]
  /** Facts about a checkpoint; absent for a model. */
  checkpoint?: CheckpointDescription
  /** Digest of the network without its weights; null while data files are missing. */
  fingerprint: string | null
}

/**
 * Describes a model, and checks everything that the server demands of a model: the structure, the network, the data
 * files that are present, and the values that are not weights. An upload and a one-shot soup both call it, so they
 * refuse the same models.
 *
 * @param files the model's own file, and the data files that are present
 * @throws TureenError `TUREEN_MODEL_MALFORMED`, `TUREEN_MODEL_LIMIT`; `TUREEN_NOT_FOUND` for a data file that the model
 * does not name
 */
export function inspectModel({ layout, ...files }: ModelFiles & { layout: Layout }): InspectedModel {
  const model = decodeSkeleton(layout)
  const network = knownNetwork({ layout, source: files.source }, () => model)
  const description = describeModel(layout, model, averagedPaths(layout, network))
  requireShortRecord(description)
  const needed = externalLocations(layout)
  requireOwnData(layout, files.data)
  requireCountedValues(layout, files)
  const isComplete = [...needed.keys()].every(location => files.data.has(location))
  const fingerprint = isComplete ? fingerprintOf(network, files) : null
  return { ...description, dataBytes: [...needed.values()], fingerprint }
}

/** Refuses a model whose record would be long: the server reads, parses and sends records as a whole. */
function requireShortRecord({ opsets, inputs, outputs }: ModelDescription): void {
  if (opsets.length > limits.opsets) throw limitExceeded('opsets', 'imports of operator sets')
  if (inputs.length + outputs.length > limits.interfaceValues)
    throw limitExceeded('interfaceValues', 'inputs and outputs')
}

/** Reads all weights stored as varints: only reading counts them, and a merge would fail on a wrong count. */
function requireCountedValues({ tensors }: Layout, { source, data }: ModelFiles): void {
  for (const tensor of tensors) {
    if (tensor.payload.form !== 'varint' || !dtypeOf(tensor.dataType)?.float) continue
    for (const _ of chunksOf(elementSource(tensor, source, data)));
  }
}
