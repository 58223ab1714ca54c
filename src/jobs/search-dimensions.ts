import type { SearchRequest } from '../../schemas/search.ts'
import { type Place, type ProblemItem, TureenError } from '../errors.ts'
import { type MethodInputs, type MethodSettings, methodSettings } from '../merge/method-settings.ts'
import { methods } from '../merge/methods/merge-method-registry.ts'
import type { TensorRule } from '../merge/tensor-rule.ts'
import type { SearchDimension } from '../search/dimension.ts'
import type { SearchedMethod } from '../search/search.ts'

/** The merge method of a search: its settings before any choice, and the parameters to search. */
export type SearchedSettings = { settings: MethodSettings; dimensions: SearchDimension[]; method: SearchedMethod }

/** Most parameters to search. The server checks all corners of their ranges: 2^n for n parameters. */
const mostDimensions = 6

/**
 * Returns the merge method of a search, after it has checked the parameters at all corners of their ranges.
 * @throws TureenError `TUREEN_REQUEST_INVALID` that names the field
 */
export function searchedSettings(
  request: Pick<SearchRequest, 'method' | 'parameters' | 'strategy'>,
  inputs: MethodInputs,
  rules: readonly TensorRule[],
): SearchedSettings {
  const ranges = rangesOf(request)
  const entries = [...ranges]
  if (entries.length > mostDimensions) {
    const message = `there are ${entries.length}, and ${mostDimensions} at most are searched`
    throw invalid('strategy.parameters', message, {
      expected: `at most ${mostDimensions} parameters`,
      actual: `${entries.length}`,
    })
  }
  const { method: name } = request
  const settingsWith = (parameters: object) =>
    methodSettings({ method: name, parameters: { ...request.parameters, ...parameters }, rules }, inputs)
  const middle = Object.fromEntries(entries.map(([each, [from, to]]) => [each, (from + to) / 2]))
  for (let corner = 0; corner < 2 ** entries.length; corner += 1) {
    const values = entries.map(([each, ends], bit) => [each, ends[corner & (1 << bit) ? 1 : 0]])
    inStrategy(request.strategy, ranges, () => settingsWith(Object.fromEntries(values)))
  }
  const settings = settingsWith({ ...wholeMiddle(name, middle), ...request.parameters })
  const method = methods.get(name)
  if (!method?.weights && weighsModels(request.strategy, entries.length))
    throw invalid('strategy.type', `${name} takes no weights; search among subsets, or for a parameter of ${name}`, {
      actual: request.strategy.type,
    })
  const dimensions = entries.map(([each, [from, to]]): SearchDimension => {
    const start = settings.parameters[each]
    return { name: each, from, to, start: typeof start === 'number' ? start : from, isInteger: isInteger(name, each) }
  })
  return { settings, dimensions, method: { hasWeights: method?.weights ?? true, fewest: method?.models.min ?? 1 } }
}

/** True if a strategy chooses only weights. */
function weighsModels({ type, ...strategy }: SearchRequest['strategy'], dimensions: number): boolean {
  if (type === 'sweep') return !('parameter' in strategy && strategy.parameter !== undefined)
  return (type === 'coordinate' || type === 'cmaEs') && dimensions === 0
}

function rangesOf({ strategy }: Pick<SearchRequest, 'strategy'>): Map<string, readonly [number, number]> {
  if (strategy.type === 'sweep') {
    const { parameter, range } = strategy
    if ((parameter === undefined) !== (range === undefined))
      throw invalid(`strategy.${range ? 'parameter' : 'range'}`, 'a parameter is swept over a range: give both')
    return new Map(parameter !== undefined && range ? [[parameter, range]] : [])
  }
  return new Map('parameters' in strategy ? Object.entries(strategy.parameters ?? {}) : [])
}

/** Runs a check of searched parameters. In its errors, it names the fields by their place in the strategy. */
function inStrategy(
  { type }: SearchRequest['strategy'],
  ranges: ReadonlyMap<string, unknown>,
  run: () => unknown,
): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof TureenError)) throw error
    const errors = error.errors.map((item): ProblemItem => {
      const name = item.field?.replace(/^parameters\./, '') ?? ''
      if (!ranges.has(name)) return item
      return { ...item, field: type === 'sweep' ? 'strategy.parameter' : `strategy.parameters.${name}` }
    })
    throw new TureenError(error.code, error.message, errors, { cause: error })
  }
}

function wholeMiddle(method: string, middle: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(middle).map(([name, value]) => [name, isInteger(method, name) ? Math.round(value) : value]),
  )
}

/** True if a parameter of a merge method takes only whole numbers. */
function isInteger(method: string, name: string): boolean {
  return methods.get(method)?.wholeNumbers.includes(name) === true
}

function invalid(field: string, message: string, values: Pick<Place, 'expected' | 'actual'> = {}): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The search cannot be made: ${message}.`, [
    { field, ...values, message },
  ])
}
