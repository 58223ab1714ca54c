import { rewriteModel, type TensorValues } from '../merge/rewrite-model.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { outputFiles, type WrittenFile, writeFiles } from './merge-task.ts'
import { requireStatistics } from './require-statistics.ts'
import type { WorkControl } from './work-control.ts'

/**
 * Writes a model with measured statistics of its batch norms, flushed to the disk: its own file at `output`, data files beside it.
 * @throws TureenError `TUREEN_EVALUATION_CRASHED` if the values are no such statistics
 */
export function rewriteFiles(
  { path, data }: ModelPaths,
  values: TensorValues,
  output: string,
  control: WorkControl,
): WrittenFile[] {
  const source = openReadAhead(path)
  const beside = data.map(file => ({ location: file.location, source: openReadAhead(file.path) }))
  try {
    requireStatistics(source, values)
    const files = new Map(beside.map((each): [string, ByteSource] => [each.location, each.source]))
    const outputs = outputFiles(rewriteModel({ source, data: files }, values, false), output)
    control.begin(outputs.reduce((sum, { bytes }) => sum + bytes, 0))
    return writeFiles(outputs, true, control)
  } finally {
    for (const file of [source, ...beside.map(each => each.source)]) file.close()
  }
}
