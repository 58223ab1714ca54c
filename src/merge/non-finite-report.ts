import type { OnNonFinite } from '../../schemas/merge.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import type { NonFinite, NonFiniteTensor } from './non-finite.ts'

/** The largest numbers of tensors that a sentence names, and of causes that an error lists. */
const [named, listed] = [3, 100]

/**
 * Returns warnings about the NaN and infinite elements that a merge found: one for each model, and one for elements
 * beyond the range of a type.
 */
export function nonFiniteWarnings({ models, overflows, result }: NonFinite): string[] {
  const effect =
    result > 0
      ? `The soup has ${counted(result)}: leave this model out, give it weight 0, or take another base`
      : 'The method dropped them: every element of the soup is finite'
  return [
    ...models.map(({ model, tensors }) => `${model} ${holds(tensors)}. ${effect}.`),
    ...(overflows.length > 0 ? [`The soup ${holds(overflows)}, where every model is finite: ${overflow}.`] : []),
  ]
}

/** Returns notes on the models of a search that are not finite. */
export function nonFiniteNotes({ models }: NonFinite): string[] {
  return models.map(({ model, tensors }) => `${model} ${holds(tensors)}; a soup with it is NaN or infinite there`)
}

/**
 * Checks that a merge is finite if the request demands it.
 * @throws TureenError `TUREEN_NOT_FINITE` naming every model and tensor
 */
export function requireFinite({ models, overflows }: NonFinite, onNonFinite: OnNonFinite | undefined): void {
  if (onNonFinite !== 'fail' || models.length + overflows.length === 0) return
  const found = (elements: number) => `holds ${counted(elements)}`
  const errors = [
    ...models.flatMap(({ model, tensors }) =>
      tensors.map(({ tensor, elements }): ProblemItem => ({ model, tensor, message: found(elements) })),
    ),
    ...overflows.map(({ tensor, elements }) => {
      return { tensor, message: `${found(elements)} in the soup, and none in any model: ${overflow}` }
    }),
  ]
  const more = errors.length > listed ? ` The errors name the first ${listed} of ${errors.length} tensors.` : ''
  const [first] = models
  const what = first ? `${first.model} ${holds(first.tensors)}` : `the soup ${holds(overflows)}`
  const remedy = first
    ? 'Leave the model out, give it weight 0, take another base, or ask for "onNonFinite": "warn"'
    : `Here, ${overflow}`
  throw new TureenError(
    'TUREEN_NOT_FINITE',
    `The merge must be finite ("onNonFinite": "fail"), but ${what}. ${remedy}.${more}`,
    errors.slice(0, listed),
  )
}

const overflow = 'values lie beyond the range of the type, so use smaller weights or a wider "outputDtype"'

function holds(tensors: readonly NonFiniteTensor[]): string {
  const total = tensors.reduce((sum, { elements }) => sum + elements, 0)
  const names = tensors.map(({ tensor, elements }) => `${tensor} (${elements})`)
  const list = firstOf(names, named)
  return `has ${counted(total)} in ${tensors.length} ${tensors.length === 1 ? 'tensor' : 'tensors'}: ${list}`
}

function counted(elements: number): string {
  return `${elements} NaN or infinite ${elements === 1 ? 'element' : 'elements'}`
}
