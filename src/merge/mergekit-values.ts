import type { MergekitValue } from '../../schemas/mergekit.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { type ToldCauses, toldCauses } from '../validation/told-causes.ts'
import type { Gradient } from './gradient.ts'

/** A value of one tensor. */
export type TensorValue = number | boolean | Gradient

/** A value for each filter on tensor names, the first that fits before the others, and one for all other tensors. */
export type Setting = {
  /** Path in the configuration. */
  field: string
  /** Undefined if the configuration gives the other tensors none, and neither does the method. */
  value: TensorValue | undefined
  filters: readonly { filter: string; value: TensorValue }[]
}

/** A place in a configuration that may give a parameter a value. */
export type Level = { field: string; value: MergekitValue | undefined }

/** Filters that fit every name. */
const everything: ReadonlySet<string> = new Set(['', '*'])

/**
 * The setting that some levels make: the first level whose value fits a tensor holds for it, as mergekit has it.
 * @param fallback for the tensors that no level has a value for
 * @throws TureenError `TUREEN_REQUEST_INVALID` for filters that a glob would read otherwise
 */
export function settingOf(levels: readonly Level[], field: string, fallback: TensorValue | undefined): Setting {
  const filters = new Map<string, TensorValue>()
  const said = levels.filter(({ value }) => value !== undefined)
  const setting = (value: TensorValue | undefined): Setting => ({
    field: said[0]?.field ?? field,
    value,
    filters: [...filters].map(([filter, value]) => ({ filter, value })),
  })
  for (const { field, value } of said) {
    if (value === undefined) continue
    if (!isConditions(value)) return setting(tensorValue(value))
    for (const { filter, value: own } of value) {
      if (filter === undefined || filter === null || everything.has(filter)) return setting(tensorValue(own))
      if (/[*?]/.test(filter))
        throw refusal([
          { field, message: `has the filter ${filter}; mergekit reads * and ? inside a filter as they stand` },
        ])
      if (!filters.has(filter)) filters.set(filter, tensorValue(own))
    }
  }
  return setting(fallback)
}

/** The value for the tensors with a filter, or for all others. */
export function valueFor({ value, filters }: Setting, filter: string | null): TensorValue | undefined {
  const found = filters.find(each => each.filter === filter)
  return found ? found.value : value
}

/** Every value of a setting. */
export function valuesOf({ value, filters }: Setting): TensorValue[] {
  return [...filters.map(each => each.value), ...(value === undefined ? [] : [value])]
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
  const message = `has other filters than ${first.field}, or another order; give both the same filters in the same order, so that one rule holds for each tensor`
  throw refusal([{ field: other.field, message }])
}

/**
 * The one truth value of a setting.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if it depends on the tensor
 */
export function truthOf(setting: Setting): boolean {
  const [first, ...others] = valuesOf(setting).map(value => (typeof value === 'object' ? null : Boolean(value)))
  if (first !== undefined && first !== null && others.every(other => other === first)) return first
  throw refusal([
    { field: setting.field, message: 'depends on the tensor; here it is one truth value for all tensors' },
  ])
}

/** A number, where mergekit takes truth values for numbers as well. */
export function asNumber(value: TensorValue | undefined): number | Gradient | undefined {
  return typeof value === 'boolean' ? Number(value) : value
}

/** Whether a value is this number for every tensor. */
export function isAlways(value: TensorValue | undefined, number: number): boolean {
  if (typeof value === 'object') return value.gradient.every(each => each === number)
  return value !== undefined && Number(value) === number
}

export function refusal(errors: ProblemItem[]): TureenError {
  return refusalOf(toldCauses(errors))
}

export function refusalOf({ errors, list }: ToldCauses): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The mergekit configuration cannot be followed: ${list}.`, errors)
}

type Conditions = Extract<MergekitValue, readonly { value: unknown }[]>

function isConditions(value: MergekitValue): value is Conditions {
  return Array.isArray(value) && value.some(each => typeof each === 'object')
}

/** mergekit's gradients run by the blocks of a stack. */
function tensorValue(value: number | boolean | number[]): TensorValue {
  return typeof value === 'object' ? { gradient: value, by: 'block' } : value
}
