import { requireOwnData } from '../onnx/external-data.ts'
import { buildNetwork } from '../onnx/graph/build-network.ts'
import { type InspectedModel, inspectModel } from '../onnx/graph/inspect-model.ts'
import { matchedNames, tensorNames } from '../onnx/graph/tensor-names.ts'
import type { Layout } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { decodeSkeleton, describeTensor, type TensorDescription } from '../onnx/skeleton.ts'
import { type FileSource, openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { fittingItems } from '../storage/paging.ts'

/** One line of a model's list of tensors. `names`: those by which a glob of a rule can match it. */
export type ListedTensor = TensorDescription & { names: string[] }

/** Indexes, checks and describes a model. `data`: those of its data files that are here. @throws TureenError as {@link inspectModel} does */
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

/** @throws TureenError if a data file of so many bytes does not have all of the tensors that it should, or is not the model's */
export function checkDataFile(path: string, location: string, bytes: number): void {
  withLayout(path, layout => requireOwnData(layout, new Map([[location, { byteLength: bytes }]])))
}

/** The list of the model that was asked for last: whoever reads it page by page need not wait for its network on every page. */
let lastListed: { path: string; tensors: WeakRef<ListedTensor[]> } | undefined

/** Up to `limit` of a model's tensors, and 1 MB, from the one with index `from` on, in the order of the file, and how many there are. */
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
