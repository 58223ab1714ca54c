import { type ProblemItem, TureenError } from '../../errors.ts'
import type { BindingDataset, BoundArray } from './binding-types.ts'

/** Returns the item with a name. @throws TureenError `TUREEN_DATASET_MISMATCH` with all names if there is none */
export function choose<Named extends { name: string }>(
  list: readonly Named[],
  name: string,
  what: string,
  field: string,
): Named {
  const found = list.find(each => each.name === name)
  if (found) return found
  throw mismatch([
    {
      field,
      expected: namesOf(list),
      actual: name,
      message: `there is no ${what} ${name}; there are: ${namesOf(list)}`,
    },
  ])
}

/**
 * Returns the array with a name.
 * @throws TureenError `TUREEN_DATASET_UNSUPPORTED` with the reason if it cannot be used; as {@link choose} if there is none
 */
export function chooseArray({ arrays, unusable = [] }: BindingDataset, name: string, field: string): BoundArray {
  const refused = unusable.find(array => array.name === name)
  if (!refused) return choose(arrays, name, 'array', field)
  throw new TureenError('TUREEN_DATASET_UNSUPPORTED', refused.reason, [
    { field, tensor: name, expected: namesOf(arrays), message: refused.reason },
  ])
}

/** Returns the names, separated by commas. */
export function namesOf(list: readonly { name: string }[]): string {
  return list.map(({ name }) => name).join(', ')
}

/** Returns type and dims in words, such as `float32 [?, 3]`. */
export function describe({ dtype, dims }: { dtype: string; dims: readonly (number | string | null)[] | null }): string {
  return `${dtype}${dims === null ? '' : ` [${dims.map(dim => dim ?? '?').join(', ')}]`}`
}

/** Most causes in one refusal. */
export const mostCauses = 20

/**
 * Returns the refusal of a data set that cannot be fed to a model. It tells the first {@link mostCauses} causes.
 * @param more number of further causes
 */
export function mismatch(causes: readonly ProblemItem[], more = 0): TureenError {
  return refusal('TUREEN_DATASET_MISMATCH', 'The data set cannot be fed to the model', causes, more)
}

/** Returns a refusal with the first {@link mostCauses} causes. @param more number of further causes */
export function refusal(
  code: 'TUREEN_DATASET_MISMATCH' | 'TUREEN_METRIC_MISMATCH',
  what: string,
  causes: readonly ProblemItem[],
  more = 0,
): TureenError {
  const errors = causes.slice(0, mostCauses)
  const others = causes.length - errors.length + more
  const told = [...errors.map(({ message }) => message), ...(others > 0 ? [`and ${others} more`] : [])].join('; ')
  return new TureenError(code, `${what}: ${told}.`, errors)
}
