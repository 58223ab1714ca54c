import type { Layout } from '../onnx/layout.ts'
import { requireDataFits } from '../onnx/model-files.ts'
import { readLayout } from '../onnx/read-layout.ts'
import {
  decodeSkeleton,
  describeModel,
  describeTensor,
  type ModelDescription,
  type TensorDescription,
} from '../onnx/skeleton.ts'
import { fingerprintOf, structureOf } from '../onnx/structure.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'

/** A model's description with the digest of its structure. */
export type InspectedModel = ModelDescription & { fingerprint: string }

/** Indexes and describes a model file. @throws TureenError if it is not a model that can be read */
export function inspectFile(path: string): InspectedModel {
  return withLayout(path, (layout, source) => {
    const model = decodeSkeleton(layout)
    return { ...describeModel(layout, model), fingerprint: fingerprintOf(structureOf(layout, model, source)) }
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
