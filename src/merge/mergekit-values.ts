import type { MergekitValue } from '../../schemas/mergekit.ts'
import { TureenError } from '../errors.ts'

/** A value for each filter on tensor names, the first that fits before the others, and one for all other tensors. */
export type Setting = {
  /** What the configuration calls it. */
  field: string
  value: unknown
  filters: readonly { filter: string; value: unknown }[]
}

const everything = '*'

/**
 * One of mergekit's values: a scalar, a gradient along the layers, or conditions.
 * @param fallback what holds where no condition does, if conditions do not say so themselves
 * @throws TureenError `TUREEN_REQUEST_INVALID` for conditions that leave tensors without a value, or cannot be a glob
 */
export function settingOf(value: MergekitValue | undefined, field: string, fallback: Setting | null = null): Setting {
  if (!Array.isArray(value)) return { field, value, filters: [] }
  const numbers = value.filter(each => typeof each === 'number')
  if (numbers.length === value.length) return { field, value: { gradient: numbers }, filters: [] }
  const filters: { filter: string; value: unknown }[] = []
  for (const condition of value) {
    if (typeof condition === 'number') continue
    const own = Array.isArray(condition.value) ? { gradient: condition.value } : condition.value
    const { filter = everything } = condition
    if (filter === everything) return { field, value: own, filters }
    if (/[*?]/.test(filter))
      throw refusal(field, `has the filter ${filter}; mergekit knows no * and ? inside of filters`)
    filters.push({ filter, value: own })
  }
  if (!fallback) throw refusal(field, 'has no value for the tensors that no filter fits; add one without a filter')
  if (fallback.filters.length > 0) throw refusal(field, 'falls back to conditions; give it a value without a filter')
  return { field, value: fallback.value, filters }
}

/** The value for the tensors with a filter, or for all others. */
export function valueFor({ value, filters }: Setting, filter: string | null): unknown {
  const found = filters.find(each => each.filter === filter)
  return found ? found.value : value
}

/**
 * The filters of all settings that have some, which must be the same in the same order: for rules there is one order.
 * @throws TureenError `TUREEN_REQUEST_INVALID`
 */
export function agreedFilters(settings: readonly Setting[]): string[] {
  const filtersOf = ({ filters }: Setting) => filters.map(({ filter }) => filter)
  const conditional = settings.filter(({ filters }) => filters.length > 0)
  const [first] = conditional
  if (!first) return []
  const other = conditional.find(setting => JSON.stringify(filtersOf(setting)) !== JSON.stringify(filtersOf(first)))
  if (!other) return filtersOf(first)
  throw refusal(
    other.field,
    `has other filters than ${first.field}, or in another order; which of them holds for a tensor that both fit would not be clear`,
  )
}

/** mergekit takes numbers for truth values. */
export function asBoolean(value: unknown): unknown {
  return typeof value === 'number' ? value !== 0 : value
}

export function refusal(field: string, message: string): TureenError {
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The mergekit configuration cannot be followed: ${field} ${message}.`,
    [{ field, message }],
  )
}
