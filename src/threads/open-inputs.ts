import { readWeights } from '../checkpoint/read-weights.ts'
import { blame } from '../errors.ts'
import type { IndexedInput, MergeInput } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs, mapInputs } from '../merge/merge-inputs.ts'
import type { Layout } from '../onnx/layout.ts'
import { sameLayout } from '../onnx/same-layout.ts'
import { type FileSource, openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

/** A merge input with the files that hold it. `isUnchecked`: no upload has checked it. */
export type MergeFile = MergeInput & ModelPaths & { isUnchecked?: boolean }

/** A merge input whose files are open. */
export type OpenFiles = Omit<MergeFile, keyof ModelPaths> & {
  source: FileSource
  data: ReadonlyMap<string, FileSource>
}

/** A merge input whose files are open and indexed. */
export type OpenInput = OpenFiles & Pick<IndexedInput, 'layout'>

/** Opens a file, and closes it if another one cannot be opened. */
type Open = (path: string) => FileSource

/**
 * Opens and indexes the files of a merge. The caller closes them.
 * @throws TureenError naming the file that cannot be read
 */
export function openMerge(inputs: MergeInputs<MergeFile>): MergeInputs<OpenInput> {
  return closingOnFailure(open => mapInputs(inputs, indexing(open)))
}

/** Opens models. The caller closes them. */
function openFiles(files: readonly MergeFile[]): OpenFiles[] {
  return closingOnFailure(open => files.map(file => opened(file, open)))
}

/** Opens and indexes models. The caller closes them. @throws TureenError naming the file that cannot be read */
export function openInputs(files: readonly MergeFile[]): OpenInput[] {
  return closingOnFailure(open => files.map(indexing(open)))
}

function closingOnFailure<Result>(use: (open: Open) => Result): Result {
  const opened: FileSource[] = []
  try {
    return use(path => {
      const source = openReadAhead(path)
      opened.push(source)
      return source
    })
  } catch (error) {
    for (const source of opened) source.close()
    throw error
  }
}

function opened({ path, data, root: _, ...input }: MergeFile, open: Open): OpenFiles {
  return { ...input, source: open(path), data: new Map(data.map(each => [each.location, open(each.path)])) }
}

/** Returns a function that opens and indexes models. A model that is laid out as the first one is not parsed. */
function indexing(open: Open): (file: MergeFile) => OpenInput {
  let first: OpenInput | undefined
  return file => {
    const input = opened(file, open)
    const indexed = { ...input, layout: layoutOf(input, file.root, first) }
    first ??= indexed
    return indexed
  }
}

/** Opens the files of a merge, runs `use` with them, and closes them. */
export function withOpenFiles<Result>(
  files: MergeInputs<MergeFile>,
  use: (files: readonly OpenFiles[]) => Result,
): Result {
  const open = openFiles(filesOf(files))
  try {
    return use(open)
  } finally {
    closeInputs(open)
  }
}

/**
 * Opens and indexes the files of a merge, runs `use` with them, and closes them.
 * @throws TureenError as {@link openMerge} does
 */
export function withOpenMerge<Result>(
  files: MergeInputs<MergeFile>,
  use: (inputs: MergeInputs<OpenInput>) => Result,
): Result {
  const inputs = openMerge(files)
  try {
    return use(inputs)
  } finally {
    closeInputs(filesOf(inputs))
  }
}

export function closeInputs(inputs: readonly OpenFiles[]): void {
  for (const { source, data } of inputs) for (const file of [source, ...data.values()]) file.close()
}

/** Returns the number of bytes read of all files so far. */
export function bytesReadOf(inputs: readonly OpenFiles[]): number {
  return inputs
    .flatMap(({ source, data }) => [source, ...data.values()])
    .reduce((sum, { bytesRead }) => sum + bytesRead, 0)
}

function layoutOf({ source, data, label }: OpenFiles, root: string | undefined, first: OpenInput | undefined): Layout {
  try {
    return (first && sameLayout(first.layout, first.source, source)) ?? readWeights({ source, data }, root)
  } catch (error) {
    throw blame(error, label)
  }
}
