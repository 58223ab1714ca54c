import type { z } from 'zod'
import type { mergeBody } from '../../schemas/merge.ts'
import type { methodList } from '../../schemas/method.ts'
import { type Commands, curlCommand, tureenCommand } from '../commands.ts'
import { type ParameterField, parametersOf } from './soup-parameters.ts'

export type MergeMethodItem = z.infer<typeof methodList>['items'][number]

/** A soup, as the form describes it. `weights`, `parameters`: texts of the fields, by model and by parameter; empty for the default. */
export type SoupForm = {
  models: readonly string[]
  method: string
  weights: Readonly<Record<string, string>>
  parameters: Readonly<Record<string, string>>
  base: string
  name: string
}

/**
 * Returns the merge methods that can make a soup of this many selected models. Where a method needs a base, one of them is the base.
 * The page has no place for Fisher information.
 */
export function fittingMethods(methods: readonly MergeMethodItem[], selected: number): MergeMethodItem[] {
  return methods.filter(({ models: { min, max }, needsBase, needsFisher }) => {
    const merged = needsBase ? selected - 1 : selected
    return !needsFisher && merged >= min && (max === null || merged <= max)
  })
}

/**
 * Returns the body of the request that a form describes. A base that is among the models is left out of them if the method needs one:
 * its change against itself is zero.
 */
export function mergeRequestOf(
  form: SoupForm,
  method: MergeMethodItem,
  fields: readonly ParameterField[],
): z.input<typeof mergeBody> {
  const { base, weights, name } = form
  const parameters = parametersOf(fields, form.parameters)
  const merged = method.needsBase ? form.models.filter(id => id !== base) : form.models
  return {
    models: merged.map(id => {
      const weight = method.weights ? (weights[id] ?? '') : ''
      return weight === '' ? { id } : { id, weight: Number(weight) }
    }),
    ...(form.method === 'linear' ? {} : { method: form.method }),
    ...(base === '' ? {} : { base }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    ...(name === '' ? {} : { name }),
  }
}

/** Returns the commands that make the same soup. */
export function soupCommands(body: z.input<typeof mergeBody>): Commands {
  const curl = curlCommand('/v1/merges?wait=45', { json: body })
  const { models, method, base, parameters = {}, name } = body
  if (!Array.isArray(models)) return { curl }
  const hasWeights = models.some(({ weight }) => weight !== undefined)
  const words = [
    ...models.map(({ id }) => id),
    ...(hasWeights ? ['--weights', models.map(({ weight = 1 }) => String(weight)).join(',')] : []),
    ...(method === undefined ? [] : ['--method', method]),
    ...(base === undefined ? [] : ['--base', base]),
    ...Object.entries(parameters).flatMap(([key, value]) => ['--set', `${key}=${String(value)}`]),
    '-o',
    `${name ?? 'soup'}.onnx`,
  ]
  return { curl, tureen: tureenCommand('soup', ...words) }
}
