import { unsupportedCheckpoint } from '../checkpoint/unreadable-checkpoint.ts'
import type { TureenError } from '../errors.ts'
import type { ExportTarget } from './graph-targets.ts'

/** A tensor of a checkpoint that PyTorch computes a weight from, by the end of its key, and the remedy. */
type ComputedForm = { ending: string; partner: string; what: string; remedy: string }

const forms: readonly ComputedForm[] = [
  {
    ending: '.weight_v',
    partner: '.weight_g',
    what: 'weight_norm',
    remedy: 'torch.nn.utils.remove_weight_norm(module)',
  },
  {
    ending: '.parametrizations.weight.original1',
    partner: '.parametrizations.weight.original0',
    what: 'weight_norm',
    remedy: 'torch.nn.utils.parametrize.remove_parametrizations(module, "weight")',
  },
  {
    ending: '.weight_orig',
    partner: '.weight_u',
    what: 'spectral_norm',
    remedy: 'torch.nn.utils.remove_spectral_norm(module)',
  },
  {
    ending: '.parametrizations.weight.original',
    partner: '.parametrizations.weight.0._u',
    what: 'spectral_norm',
    remedy: 'torch.nn.utils.parametrize.remove_parametrizations(module, "weight")',
  },
]

/**
 * Returns the refusal of a checkpoint from which PyTorch computes an unmatched weight by weight_norm or spectral_norm; undefined if its keys
 * show neither. @param elements of each tensor of the checkpoint, by key
 */
export function computedWeights(
  unmatched: readonly ExportTarget[],
  elements: ReadonlyMap<string, number>,
): TureenError | undefined {
  const wanted = new Set(unmatched.map(({ tensor }) => tensor.elements))
  for (const [key, count] of elements) {
    const form = forms.find(({ ending, partner }) => {
      return key.endsWith(ending) && elements.has(key.slice(0, -ending.length) + partner)
    })
    if (!form || !wanted.has(count)) continue
    const module = key.slice(0, -form.ending.length)
    const partner = module + form.partner
    return unsupportedCheckpoint(
      `has ${key} and ${partner}, from which ${form.what} computes a weight of the model`,
      `Save weights that are whole: call ${form.remedy} for ${module} and each such module, then save the checkpoint and export the model again.`,
      { tensor: key, expected: `${module}.weight`, actual: `${key} and ${partner}` },
    )
  }
  return undefined
}
