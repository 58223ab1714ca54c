import { buildNetwork } from '../onnx/graph/build-network.ts'
import { fingerprintOf } from '../onnx/graph/fingerprint.ts'
import type { Layout } from '../onnx/layout.ts'
import { externalLocations, requireDataFits } from '../onnx/model-files.ts'
import { readLayout } from '../onnx/read-layout.ts'
import {
  decodeSkeleton,
  describeModel,
  describeTensor,
  type ModelDescription,
  type TensorDescription,
} from '../onnx/skeleton.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

/** A model's description with the digest of its structure, which is not known before all of its data is here. */
export type InspectedModel = ModelDescription & { fingerprint: string | null }

/** Indexes and describes a model file. `data`: those of its data files that are here. @throws TureenError if it is not a model that can be read */
export function inspectFiles({ path, data }: ModelPaths): InspectedModel {
  return withLayout(path, (layout, source) => {
    const model = decodeSkeleton(layout)
    const description = describeModel(layout, model)
    const network = buildNetwork(layout, model, source)
    const here = new Set(data.map(({ location }) => location))
    if ([...externalLocations(layout).keys()].some(location => !here.has(location)))
      return { ...description, fingerprint: null }
    const opened: [string, FileSource][] = []
    try {
      for (const file of data) opened.push([file.location, openFileSource(file.path)])
      return { ...description, fingerprint: fingerprintOf(network, { source, data: new Map(opened) }) }
    } finally {
      for (const [, file] of opened) file.close()
    }
  })
}

/** @throws TureenError `TUREEN_MODEL_MALFORMED` if a data file of so many bytes does not have all of the tensors that it should */
export function checkDataFile(path: string, location: string, bytes: number): void {
  withLayout(path, layout => requireDataFits(layout, location, bytes))
}

/** `limit` of a model's tensors from the one with index `from` on, in the order of the file, and how many there are. */
export function listTensors(
  path: string,
  from: number,
  limit: number,
): { total: number; tensors: TensorDescription[] } {
  return withLayout(path, ({ tensors }) => ({
    total: tensors.length,
    tensors: tensors.slice(from, from + limit).map(describeTensor),
  }))
}

function withLayout<Result>(path: string, use: (layout: Layout, source: FileSource) => Result): Result {
  const source = openFileSource(path)
  try {
    return use(readLayout(source), source)
  } finally {
    source.close()
  }
}
