import { type ByteSource, readBytes } from '../../onnx/byte-source.ts'
import { openFileSource } from '../../storage/file-source.ts'
import type { ModelPaths } from '../../storage/model-paths.ts'

/** A model in memory. `bytes`: its own file; `data`: its data files by location, which are read when needed. */
export type ModelContent = { bytes: Uint8Array<ArrayBuffer>; data: ReadonlyMap<string, ByteSource> }

/** Runs `use` with the content of a model that has files. It is valid until the promise settles. */
export async function withFiles<Result>(
  { path, data }: ModelPaths,
  use: (content: ModelContent) => Promise<Result>,
): Promise<Result> {
  const source = openFileSource(path)
  const beside = data.map(({ location, path: file }) => ({ location, file: openFileSource(file) }))
  try {
    return await use({
      bytes: readBytes(source, 0, source.byteLength),
      data: new Map(beside.map(({ location, file }) => [location, file])),
    })
  } finally {
    for (const { file } of [{ file: source }, ...beside]) file.close()
  }
}
