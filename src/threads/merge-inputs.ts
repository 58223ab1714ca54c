import { blame, type ProblemItem, TureenError } from '../errors.ts'
import { compareWithBase } from '../merge/compatibility.ts'
import type { IndexedInput, MergeInput, MergeSettings } from '../merge/merge-input.ts'
import { type MergePlan, planMerge } from '../merge/plan.ts'
import { preflight } from '../merge/preflight.ts'
import { memorySource, readBytes } from '../onnx/byte-source.ts'
import type { Layout } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'

/** A merge input with the file that holds it. */
export type MergeFile = MergeInput & { path: string }

export type OpenInput = IndexedInput & { source: FileSource }

/** Opens and indexes the files of a merge; whoever opens them closes them. @throws TureenError naming the file that cannot be read */
export function openInputs(files: readonly MergeFile[], inMemory = false): OpenInput[] {
  const opened: OpenInput[] = []
  try {
    for (const { path, ...input } of files) {
      const source = inMemory ? fileInMemory(path) : openFileSource(path)
      try {
        opened.push({ ...input, source, layout: layoutOf(source, input.label) })
      } catch (error) {
        source.close()
        throw error
      }
    }
    return opened
  } catch (error) {
    closeInputs(opened)
    throw error
  }
}

export function closeInputs(inputs: readonly OpenInput[]): void {
  for (const { source } of inputs) source.close()
}

/**
 * Compares the models in structure and in everything that is never averaged, and plans their merge.
 * @throws TureenError `TUREEN_MODELS_DIFFER`, `TUREEN_NON_FLOAT_DIFFERS`, with every difference; `TUREEN_RULE_UNMATCHED`
 */
export function checkedPlan(inputs: readonly IndexedInput[], settings: MergeSettings): MergePlan {
  const structural = compareWithBase(inputs, settings)
  const { problems: values, ...carried } = preflight(inputs, settings)
  const problems: ProblemItem[] = [...structural, ...values]
  if (structural.length > 0) {
    throw new TureenError(
      'TUREEN_MODELS_DIFFER',
      'Only the weights of one and the same network can be averaged; these models differ in more.',
      problems,
    )
  }
  if (problems.length > 0) {
    throw new TureenError(
      'TUREEN_NON_FLOAT_DIFFERS',
      'The models agree in structure, but differ in values that are never averaged.',
      problems,
    )
  }
  return planMerge(inputs, settings, carried)
}

function fileInMemory(path: string): FileSource {
  const file = openFileSource(path)
  try {
    const bytes = readBytes(file, 0, file.byteLength)
    return { ...memorySource(bytes), bytesRead: bytes.byteLength, close: () => undefined }
  } finally {
    file.close()
  }
}

function layoutOf(source: FileSource, label: string): Layout {
  try {
    return readLayout(source)
  } catch (error) {
    throw blame(error, label)
  }
}
