import { externalLocations, requireOwnData } from '../onnx/external-data.ts'
import { buildNetwork } from '../onnx/graph/build-network.ts'
import { type InspectedModel, inspectModel } from '../onnx/graph/inspect-model.ts'
import { matchedNames, tensorNames } from '../onnx/graph/tensor-names.ts'
import type { Layout } from '../onnx/layout.ts'
import { meantLocation } from '../onnx/meant-location.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { decodeSkeleton, describeTensor, type TensorDescription } from '../onnx/skeleton.ts'
import { type FileSource, openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { fittingItems } from '../storage/paging.ts'

/** One tensor in a model's list. `names`: the names that a rule's glob can match. */
export type ListedTensor = TensorDescription & { names: string[] }

/**
 * Indexes, checks and describes a model. `data`: the data files that are present.
 *
 * @throws TureenError as {@link inspectModel} does
 */
export function inspectFiles({ path, data }: ModelPaths): InspectedModel {
  return withLayout(path, (layout, source) => {
    const opened = new Map<string, FileSource>()
    try {
      for (const file of data) opened.set(file.location, openReadAhead(file.path))
      return inspectModel({ layout, source, data: opened })
    } finally {
      for (const file of opened.values()) file.close()
    }
  })
}

/**
 * Checks a data file of `bytes` bytes.
 * @throws TureenError if tensors lie beyond its end, or if the model does not name it
 */
export function checkDataFile(path: string, location: string, bytes: number): void {
  withLayout(path, layout => requireOwnData(layout, new Map([[location, { byteLength: bytes }]])))
}

/**
 * Returns the locations that a client means by the names of data parts.
 * @throws TureenError if the model cannot be read
 */
export function meantLocations(path: string, sent: readonly string[]): string[] {
  return withLayout(path, layout => {
    const named = externalLocations(layout)
    return sent.map(location => meantLocation(location, named))
  })
}

/**
 * The tensors of the model listed last, so that a client that reads page by page does not wait for the network on every
 * page.
 */
let lastListed: { path: string; tensors: WeakRef<ListedTensor[]> } | undefined

/**
 * Returns a model's tensors in the order of the file, from index `from` on, up to `limit` and 1 MB, with the number of
 * all.
 */
export function listTensors(path: string, from: number, limit: number): { total: number; tensors: ListedTensor[] } {
  const known = lastListed?.path === path ? lastListed.tensors.deref() : undefined
  const tensors = known ?? withLayout(path, allTensors)
  if (!known) lastListed = { path, tensors: new WeakRef(tensors) }
  return { total: tensors.length, tensors: fittingItems(tensors.slice(from, from + limit)) }
}

function allTensors(layout: Layout, source: FileSource): ListedTensor[] {
  const names = tensorNames(buildNetwork(layout, decodeSkeleton(layout), source))
  return layout.tensors.map(tensor => ({ ...describeTensor(tensor), names: matchedNames(names(tensor)) }))
}

function withLayout<Result>(path: string, use: (layout: Layout, source: FileSource) => Result): Result {
  const source = openReadAhead(path)
  try {
    return use(readLayout(source), source)
  } finally {
    source.close()
  }
}
