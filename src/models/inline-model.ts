import type { ModelRecord } from '../../schemas/model.ts'
import { requireComplete } from '../merge/incomplete.ts'
import { inlineSettings } from '../merge/merge-input.ts'
import { mergeInputs } from '../merge/merge-inputs.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { WrittenFile } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { StoredModelFiles } from './model-files.ts'

/**
 * Runs `use` with a temporary file that holds the whole model, external data included.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE`; `TUREEN_MODEL_UNSUPPORTED` if it would be 2 GiB or more
 */
export type WithInline = <Result>(
  model: ModelRecord,
  signal: AbortSignal,
  use: (file: Omit<WrittenFile, 'location'>) => Promise<Result>,
) => Promise<Result>

export function createWithInline(
  contentFiles: ContentFiles,
  threads: ThreadPool,
  { paths, whileSound }: StoredModelFiles,
): WithInline {
  return async (model, signal, use) => {
    const whole = { label: model.id, ...paths(model) }
    const bytes = model.files.reduce((sum, file) => sum + file.bytes, 0)
    return contentFiles.withOutput(bytes, async output => {
      requireComplete(model.id, model.missing)
      const inputs = mergeInputs([{ ...whole, sha256: model.sha256, weight: 1 }])
      const merging = { inputs, settings: inlineSettings, output, durable: false }
      const { files } = await whileSound([whole], signal, () => threads.merge(merging, { signal }))
      const [file] = files
      if (!file) throw new RangeError('a merge without a file')
      return use(file)
    })
  }
}
