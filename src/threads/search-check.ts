import { TureenError } from '../errors.ts'
import { defaultSettings, type MergeSettings } from '../merge/merge-input.ts'
import { mergeInputs, type SearchInputs } from '../merge/merge-inputs.ts'
import { checkedPlan } from './checked-plan.ts'
import { checkMerge } from './merge-task.ts'
import { type MergeFile, type OpenInput, withOpenMerge } from './open-inputs.ts'

/**
 * Checks that all models of a search can be averaged, and that each group of tensors matches in every soup.
 * @throws TureenError as the check of a merge does
 */
export function checkSearchFiles({ models, base, companions }: SearchInputs<MergeFile>, settings: MergeSettings): void {
  withOpenMerge(mergeInputs(models, base, companions), inputs => {
    checkMerge(inputs, settings)
    if (settings.rules.length > 0) requireGroupsMet({ ...inputs, base: base && inputs.base }, settings)
  })
}

/**
 * Checks the smallest soups, because a soup has only the names of its own models: groups that match in these match in
 * all others.
 */
function requireGroupsMet({ models, base }: SearchInputs<OpenInput>, { rules: groups, nonFloat }: MergeSettings): void {
  const rules = groups.map(({ match }) => ({ match, weights: [1] }))
  for (const model of models) {
    try {
      checkedPlan(mergeInputs([model], base), { ...defaultSettings, nonFloat, rules })
    } catch (error) {
      if (!(error instanceof TureenError) || error.code !== 'TUREEN_RULE_UNMATCHED') throw error
      const errors = error.errors.map(item => ({ ...item, model: model.label }))
      const globs = errors.map(({ message }) => message).join('; ')
      throw new TureenError(
        error.code,
        `A soup of the model ${model.label} alone would lack a group: ${globs}. Set "base" to a model whose names all groups match, or use globs that match in every model.`,
        errors,
        { cause: error },
      )
    }
  }
}
