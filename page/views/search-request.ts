import type { z } from 'zod'
import type { searchBody } from '../../schemas/search.ts'
import type { StrategyType } from '../../schemas/strategy.ts'
import { type Commands, curlCommand, tureenCommand } from '../commands.ts'

/** A search strategy that the form offers. `min`, `max`: models that it takes. `setting`: a whole number that it has, with its default. */
type OfferedStrategy = {
  type: StrategyType
  words: string
  min: number
  max: number
  setting?: { name: 'k' | 'steps' | 'generations'; words: string; initial: string; least: number; most: number }
}

/** The search strategies that the form offers. */
export const offeredStrategies: readonly OfferedStrategy[] = [
  {
    type: 'greedy',
    words: 'starts with the best model, and keeps each other one that does not make the soup worse',
    min: 2,
    max: 128,
  },
  { type: 'exhaustive', words: 'scores every combination, and tells what each model contributes', min: 2, max: 12 },
  {
    type: 'topK',
    words: 'scores the best model, the best two, and so on',
    min: 2,
    max: 128,
    setting: { name: 'k', words: 'Most models', initial: 'all', least: 1, most: 128 },
  },
  {
    type: 'sweep',
    words: 'scores the line between two models, and measures the barrier',
    min: 2,
    max: 2,
    setting: { name: 'steps', words: 'Points on the line', initial: '11', least: 3, most: 1001 },
  },
  { type: 'coordinate', words: 'moves one weight up or down at a time', min: 2, max: 128 },
  {
    type: 'cmaEs',
    words: 'finds weights with an evolution strategy',
    min: 2,
    max: 128,
    setting: { name: 'generations', words: 'Most generations', initial: '40', least: 1, most: 1000 },
  },
]

/** A search, as the form describes it. Texts are those of the fields; an empty one is the default. */
export type SearchForm = {
  models: readonly string[]
  strategy: StrategyType
  setting: string
  dataset: string
  metric: string
  test: string
  evaluations: string
  name: string
}

/** Returns the body of the request that a form describes. */
export function searchRequestOf(form: SearchForm): z.input<typeof searchBody> {
  const { models, strategy: type, setting, dataset, metric, test, evaluations, name } = form
  const own = strategyOf(form)?.setting
  return {
    models: models.map(id => ({ id })),
    strategy: { type, ...(own === undefined || setting === '' ? {} : { [own.name]: Number(setting) }) },
    selection: { dataset, metric },
    ...(test === '' ? {} : { test: { dataset: test } }),
    ...(evaluations === '' ? {} : { budget: { evaluations: Number(evaluations) } }),
    ...(name === '' ? {} : { name }),
  }
}

/** Returns the strategy that a form names. */
export function strategyOf({ strategy }: Pick<SearchForm, 'strategy'>): OfferedStrategy | undefined {
  return offeredStrategies.find(({ type }) => type === strategy)
}

/** Returns the commands that start the same search. */
export function searchCommands(form: SearchForm): Commands {
  const { models, strategy, setting, dataset, metric, test, evaluations, name } = form
  const own = strategyOf(form)?.setting
  const words = [
    ...models,
    '--data',
    dataset,
    ...(test === '' ? [] : ['--test', test]),
    '--metric',
    metric,
    '--strategy',
    strategy,
    ...(own === undefined || setting === '' ? [] : ['--strategy-set', `${own.name}=${setting}`]),
    ...(evaluations === '' ? [] : ['--evaluations', evaluations]),
    '-o',
    `${name === '' ? 'best' : name}.onnx`,
  ]
  return {
    curl: curlCommand('/v1/searches?wait=45', { json: searchRequestOf(form) }),
    tureen: tureenCommand('search', ...words),
  }
}
