import { hasNoElements, isText } from '../element-kinds.ts'
import { choose, describe, mismatch, namesOf } from './binding-refusals.ts'
import type { BindingModel, BindingRequest, BoundArray } from './binding-types.ts'

/**
 * Returns the output to score: the requested one, the only one, the one named like the target, or the only one comparable with the target.
 */
export function chooseOutput(
  { outputs }: BindingModel,
  request: BindingRequest,
  target: BoundArray | undefined,
): string {
  if (outputs.length === 0)
    throw mismatch([
      {
        field: 'model',
        expected: 'an output',
        actual: 'no outputs',
        message: 'the model has no outputs, so nothing can be scored; export it with outputs, and upload it again',
      },
    ])
  if (request.output !== undefined) return choose(outputs, request.output, 'output', 'output').name
  const comparable = outputs.filter(
    ({ dtype }) => !hasNoElements(dtype) && (!target || isText(dtype) === isText(target.dtype)),
  )
  const named = outputs.find(({ name }) => name === target?.name)
  for (const choices of [outputs, named ? [named] : [], comparable]) {
    const [only, ...others] = choices
    if (only && others.length === 0) return only.name
  }
  const choices = outputs.map(output => `${output.name} (${describe(output)})`).join(', ')
  throw mismatch([
    {
      field: 'output',
      expected: namesOf(outputs),
      message: `the model has several outputs; say which is scored: ${choices}`,
    },
  ])
}
