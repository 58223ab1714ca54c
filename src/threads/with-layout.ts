import { readWeights } from '../checkpoint/read-weights.ts'
import type { Layout } from '../onnx/layout.ts'
import { type FileSource, openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

/** The open files of a model or a checkpoint. */
export type OpenWeights = { source: FileSource; data: ReadonlyMap<string, FileSource> }

/** Opens and indexes a model or a checkpoint, and closes its files after `use`. @throws TureenError as {@link readWeights} does */
export function withLayout<Result>(
  { path, data, root }: ModelPaths,
  use: (layout: Layout, files: OpenWeights) => Result,
): Result {
  const source = openReadAhead(path)
  const opened = new Map<string, FileSource>()
  try {
    for (const file of data) opened.set(file.location, openReadAhead(file.path))
    const files = { source, data: opened }
    return use(readWeights(files, root), files)
  } finally {
    for (const file of [source, ...opened.values()]) file.close()
  }
}
