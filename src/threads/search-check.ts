import { TureenError } from '../errors.ts'
import { defaultSettings } from '../merge/merge-input.ts'
import type { SearchedMerge } from './candidate-task.ts'
import { checkedPlan, type MergeFile, type OpenInput } from './merge-inputs.ts'
import { checkMerge, withInputs } from './merge-task.ts'

/**
 * Checks that all models of a search can be averaged, and that each group of tensors matches in every soup.
 * @param base index of the file that every soup is made from; null if each is made from its first model's file
 * @throws TureenError as the check of a merge does
 */
export function checkSearchFiles(files: readonly MergeFile[], settings: SearchedMerge, base: number | null): void {
  withInputs(files, inputs => {
    checkMerge(inputs, { ...settings, base: base ?? 0 })
    if (settings.rules.length > 0) requireGroupsMet(inputs, settings, base)
  })
}

/**
 * Checks the smallest soups, because a soup has only the names of its own models: groups that match in these match in
 * all others.
 */
function requireGroupsMet(inputs: readonly OpenInput[], settings: SearchedMerge, base: number | null): void {
  const rules = settings.rules.map(({ match }) => ({ match, weights: [1] }))
  const own = base === null ? undefined : inputs[base]
  for (const input of inputs.filter(({ weight }) => weight !== null)) {
    const soup = own && own !== input ? [input, { ...own, weight: null }] : [input]
    try {
      checkedPlan(soup, { ...defaultSettings, nonFloat: settings.nonFloat, rules, base: soup.length - 1 })
    } catch (error) {
      if (!(error instanceof TureenError) || error.code !== 'TUREEN_RULE_UNMATCHED') throw error
      const errors = error.errors.map(item => ({ ...item, model: input.label }))
      const globs = errors.map(({ message }) => message).join('; ')
      throw new TureenError(
        error.code,
        `A soup of the model ${input.label} alone would lack a group: ${globs}. Set "base" to a model whose names all groups match, or use globs that match in every model.`,
        errors,
        { cause: error },
      )
    }
  }
}
