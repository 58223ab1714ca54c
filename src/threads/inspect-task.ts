import { inspectCheckpoint } from '../checkpoint/inspect-checkpoint.ts'
import { externalLocations, requireOwnData } from '../onnx/external-data.ts'
import { type InspectedModel, inspectModel } from '../onnx/graph/inspect-model.ts'
import { knownNetwork } from '../onnx/graph/known-network.ts'
import { matchedNames, tensorNames } from '../onnx/graph/tensor-names.ts'
import type { Layout } from '../onnx/layout.ts'
import { meantLocation } from '../onnx/meant-location.ts'
import { describeTensor, type TensorDescription } from '../onnx/skeleton.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { fittingItems } from '../storage/paging.ts'
import { type OpenWeights, withLayout } from './with-layout.ts'

/** One tensor in a model's list. `names`: the names that a rule's glob can match. */
export type ListedTensor = TensorDescription & { names: string[] }

/**
 * Indexes, checks and describes a model or a checkpoint. `data`: the data files that are present.
 *
 * @throws TureenError as {@link inspectModel}, {@link inspectCheckpoint} and {@link withLayout} do
 */
export function inspectFiles(paths: ModelPaths): InspectedModel {
  return withLayout(paths, (layout, files) => inspectWeights({ layout, ...files }))
}

/** Checks and describes an indexed model or checkpoint. @throws TureenError as {@link inspectFiles} does */
export function inspectWeights(indexed: Parameters<typeof inspectModel>[0]): InspectedModel {
  const { checkpoint } = indexed.layout
  return checkpoint ? inspectCheckpoint(indexed, checkpoint) : inspectModel(indexed)
}

/**
 * Checks a data file of `bytes` bytes.
 * @throws TureenError if tensors lie beyond its end, or if the model does not name it
 */
export function checkDataFile(path: string, location: string, bytes: number): void {
  withLayout({ path, data: [] }, layout => requireOwnData(layout, new Map([[location, { byteLength: bytes }]])))
}

/**
 * Returns the locations that a client means by the names of data parts.
 * @throws TureenError if the model cannot be read
 */
export function meantLocations(path: string, sent: readonly string[]): string[] {
  return withLayout({ path, data: [] }, layout => {
    const named = externalLocations(layout)
    return sent.map(location => meantLocation(location, named))
  })
}

/**
 * The tensors of the model listed last, so that a client that reads page by page does not wait for the network on every
 * page.
 */
let lastListed: { key: string; tensors: WeakRef<ListedTensor[]> } | undefined

/**
 * Returns a model's tensors in the order of the file, from index `from` on, up to `limit` and 1 MB, with the number of
 * all.
 */
export function listTensors(
  { path, data, root }: ModelPaths,
  from: number,
  limit: number,
): { total: number; tensors: ListedTensor[] } {
  const paths = { path, data, root }
  const key = JSON.stringify(paths)
  const known = lastListed?.key === key ? lastListed.tensors.deref() : undefined
  const tensors = known ?? withLayout(paths, allTensors)
  if (!known) lastListed = { key, tensors: new WeakRef(tensors) }
  return { total: tensors.length, tensors: fittingItems(tensors.slice(from, from + limit)) }
}

function allTensors(layout: Layout, { source }: OpenWeights): ListedTensor[] {
  const names = tensorNames(knownNetwork({ layout, source }))
  return layout.tensors.map(tensor => ({ ...describeTensor(tensor), names: matchedNames(names(tensor)) }))
}
