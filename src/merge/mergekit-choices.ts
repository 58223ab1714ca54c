import { asBoolean, refusal, type Setting } from './mergekit-values.ts'

type NamedSettings = readonly [name: string, settings: readonly Setting[]]

/** A truth value that is settled here, and why it cannot be the other one. `isRowWise`: what the configuration says of nuslerp. */
type Choice = { settled(method: string, isRowWise: boolean): boolean; otherwise: string }

const choices: ReadonlyMap<string, Choice> = new Map([
  [
    'rescale',
    {
      settled: method => /^(dare|della)/.test(method),
      otherwise: 'dare and della scale up what they keep, and other methods do not; leave it out',
    },
  ],
  [
    'nuslerp_flatten',
    {
      settled: (_, isRowWise) => !isRowWise,
      otherwise: 'vectors are rows with nuslerp_row_wise, and whole tensors without it',
    },
  ],
])

/**
 * Whether a setting of a configuration of mergekit says what is so here anyhow, so that nothing has to be made of it.
 * @param all settings of the configuration
 * @throws TureenError `TUREEN_REQUEST_INVALID` if it says the opposite
 */
export function isSettled([name, [first]]: NamedSettings, method: string, all: readonly NamedSettings[]): boolean {
  const choice = choices.get(name)
  const value = asBoolean(first?.value)
  // The names of norms that dare has here are not settled.
  if (!choice || !first || typeof value !== 'boolean') return false
  const isRowWise = all.some(([other, [setting]]) => other === 'nuslerp_row_wise' && asBoolean(setting?.value) === true)
  if (value === choice.settled(method, isRowWise) && first.filters.length === 0) return true
  throw refusal(first.field, `cannot be that: ${choice.otherwise}`)
}
