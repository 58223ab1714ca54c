import type { RunnableModel, SoupSource } from '../protocol.ts'
import { type ModelContent, withFiles } from './model-content.ts'
import type { OpenDataset } from './open-datasets.ts'
import type { OpenModel } from './run-evaluation.ts'
import type { SoupMaker } from './soup-maker.ts'

/**
 * Returns the way to open a model of a search: by its files, or as a soup that is made now. The batch norms of a recalibrated soup are
 * measured first.
 */
export function searchedModel(model: RunnableModel, source: SoupSource, open: OpenDataset): OpenModel {
  const { calibration } = source
  return opening =>
    withContent(model, source, async content => {
      if (!('soup' in model && model.recalibrated && calibration)) return opening(content)
      const { measureBatchNorms } = await import('./measure-batch-norms.ts')
      const { values } = await measureBatchNorms(content, calibration, open, () => undefined)
      return opening(content, values)
    })
}

let maker: SoupMaker | undefined

/** Runs `use` with the content of a model of a search. A soup is made of the models of its source. */
async function withContent<Result>(
  model: RunnableModel,
  source: SoupSource,
  use: (content: ModelContent) => Promise<Result>,
): Promise<Result> {
  if (!('soup' in model)) return withFiles(model, use)
  // Merges have many modules, which other tasks do without.
  maker ??= (await import('./soup-maker.ts')).createSoupMaker()
  return use(maker(model, source))
}
