import type { MergekitValue } from '../../schemas/mergekit.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { type ToldCauses, toldCauses } from '../validation/told-causes.ts'
import type { Gradient } from './gradient.ts'

/** The value of a parameter for one tensor. */
export type TensorValue = number | boolean | Gradient

/** A value for each filter on tensor names, where the first filter that fits counts, and one for all other tensors. */
export type Setting = {
  /** Path in the configuration. */
  field: string
  /** Undefined if neither the configuration nor the method has a value for the other tensors. */
  value: TensorValue | undefined
  filters: readonly { filter: string; value: TensorValue }[]
}

/** A place in a configuration that may give a parameter a value. */
export type Level = { field: string; value: MergekitValue | undefined }

/** Filters that fit every name. */
const everything: ReadonlySet<string> = new Set(['', '*'])

/**
 * Returns the setting that some levels make. As in mergekit, the first level with a value that fits a tensor decides.
 * @param fallback for tensors without a value in any level
 * @throws TureenError `TUREEN_REQUEST_INVALID` for filters that a glob would read differently
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
          {
            field,
            actual: filter,
            message: `has the filter ${filter}; mergekit takes * and ? in a filter literally. Name a part of the tensor names`,
          },
        ])
      if (!filters.has(filter)) filters.set(filter, tensorValue(own))
    }
  }
  return setting(fallback)
}

/** Returns the value for tensors that fit the filter; for null, the value for all others. */
export function valueFor({ value, filters }: Setting, filter: string | null): TensorValue | undefined {
  const found = filters.find(each => each.filter === filter)
  return found ? found.value : value
}

/** Returns every value of a setting. */
export function valuesOf({ value, filters }: Setting): TensorValue[] {
  return [...filters.map(each => each.value), ...(value === undefined ? [] : [value])]
}

/**
 * Returns the filters of all settings that have any. They must be the same in the same order, because rules have one
 * order.
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
  const [expected, actual] = [first, other].map(setting => filtersOf(setting).join(', '))
  throw refusal([{ field: other.field, expected: expected ?? '', actual: actual ?? '', message }])
}

/**
 * Returns the one truth value of a setting.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if it depends on the tensor
 */
export function truthOf(setting: Setting): boolean {
  const [first, ...others] = valuesOf(setting).map(value => (typeof value === 'object' ? null : Boolean(value)))
  if (first !== undefined && first !== null && others.every(other => other === first)) return first
  throw refusal([
    {
      field: setting.field,
      expected: 'true or false for all tensors',
      message: 'depends on the tensor; set one truth value for all tensors',
    },
  ])
}

/** Returns a value as a number; mergekit also takes truth values for numbers. */
export function asNumber(value: TensorValue | undefined): number | Gradient | undefined {
  return typeof value === 'boolean' ? Number(value) : value
}

/** True if a value is this number for every tensor. */
export function isAlways(value: TensorValue | undefined, number: number): boolean {
  if (typeof value === 'object') return value.gradient.every(each => each === number)
  return value !== undefined && Number(value) === number
}

/** Returns the refusal of a configuration for some causes. */
export function refusal(errors: ProblemItem[]): TureenError {
  return refusalOf(toldCauses(errors))
}

/** Returns the refusal of a configuration for causes that are already limited in number. */
export function refusalOf({ errors, list }: ToldCauses): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The mergekit configuration cannot be followed: ${list}.`, errors)
}

type Conditions = Extract<MergekitValue, readonly { value: unknown }[]>

function isConditions(value: MergekitValue): value is Conditions {
  return Array.isArray(value) && value.some(each => typeof each === 'object')
}

/** Gradients of mergekit run by the blocks of a stack. */
function tensorValue(value: number | boolean | number[]): TensorValue {
  return typeof value === 'object' ? { gradient: value, by: 'block' } : value
}
