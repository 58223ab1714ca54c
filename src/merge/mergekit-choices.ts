import type { ReadParameter, ReadParameters } from './mergekit-settings.ts'
import { asNumber, isAlways, refusal, type Setting, truthOf, valueFor, valuesOf } from './mergekit-values.ts'

type ReadSettings = ReadParameters['parameters']

/**
 * Parameters of Tureen that replace mergekit's choices between ways to compute, and sentences about choices that change
 * nothing or differ.
 */
export type Choices = { parameters: Readonly<Record<string, string>>; notes: readonly string[] }

const none: Choices = { parameters: {}, notes: [] }

/** Tureen's default for the length below which a vector has no direction. mergekit adds it to every length. */
const largestEps = 1e-8
/** mergekit also leaves out tensors that are shorter than the tolerance. */
const largestTolerance = 1e-5

/**
 * Translates the parameters of mergekit that choose between ways to compute.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a way that Tureen does not have, naming the one that it has
 */
export function choicesOf(method: string, read: ReadSettings): Choices {
  refuseTruth(read.get('filter_wise'), 'takes the filters of a tensor one by one in mergekit; here a tensor is a whole')
  refuseAbove(read.get('eps'), largestEps, 'mergekit adds eps to every length, and here it is only compared with them')
  refuseAbove(read.get('tol'), largestTolerance, 'mergekit leaves out tensors shorter than tol, and here none is')
  refuseCancelling(method, read)
  const along = alongOf(read)
  const scaled = scaling(method, read)
  return { parameters: { ...along.parameters, ...scaled.parameters }, notes: [...along.notes, ...scaled.notes] }
}

/**
 * Returns the `epsilon` that della takes for these densities. mergekit keeps everything at density 1 and nothing at
 * density 0, for any `epsilon`.
 * @param densities one for each model, as `epsilons`
 */
export function epsilonFor(epsilons: readonly Setting[], densities: readonly Setting[]): Setting[] {
  return epsilons.map((epsilon, index) => {
    const density = densities[index]
    if (!density) return epsilon
    const valueAt = (filter: string | null) => {
      const at = valueFor(density, filter)
      return isAlways(at, 1) || isAlways(at, 0) ? 0 : valueFor(epsilon, filter)
    }
    const filtered = density.filters.length > 0 ? density : epsilon
    const filters = filtered.filters.map(({ filter, value }) => ({ filter, value: valueAt(filter) ?? value }))
    return { field: epsilon.field, value: valueAt(null), filters }
  })
}

/** Returns the axis along which the vectors of nuslerp run. */
function alongOf(read: ReadSettings): Choices {
  const [flatten, rows] = ['nuslerp_flatten', 'nuslerp_row_wise'].map(name => read.get(name)?.settings[0])
  if (!flatten || !rows) return none
  if (truthOf(flatten)) {
    const note = 'nuslerp_row_wise of the mergekit configuration changes nothing: nuslerp_flatten is true.'
    return { parameters: {}, notes: truthOf(rows) ? [note] : [] }
  }
  return { parameters: { along: truthOf(rows) ? 'first' : 'last' }, notes: [] }
}

/**
 * Returns the scaling of the entries that a mask keeps. With `rescale`, mergekit restores their earlier sum of
 * magnitudes.
 */
function scaling(method: string, read: ReadSettings): Choices {
  const rescale = read.get('rescale')
  const [setting] = rescale?.settings ?? []
  if (!rescale || !setting) return none
  const isScaled = truthOf(setting)
  if (method.startsWith('della') && isScaled && rescale.isSaid) {
    const message = `is true: mergekit scales kept entries to their earlier sum of magnitudes (L1), and here ${byProbability(method)}. Leave rescale out to take that`
    throw refusal([{ field: setting.field, actual: 'true', message }])
  }
  const keepsAll = read.get('density')?.settings.every(each => valuesOf(each).every(value => isAlways(value, 1)))
  if (keepsAll) return none
  return isScaled ? scaled(method, setting) : unscaled(method, setting)
}

function scaled(method: string, { field }: Setting): Choices {
  if (method.startsWith('dare')) return { parameters: { rescale: 'l1' }, notes: [] }
  if (method.startsWith('della')) {
    const note = `mergekit scales what ${method} keeps back to the earlier sum of magnitudes (L1). In Tureen, ${byProbability(method)}.`
    return { parameters: {}, notes: [note] }
  }
  const message = `is true, and ${method} here never scales the entries that it keeps. Leave rescale out, or set density to 1`
  throw refusal([{ field, expected: 'false', actual: 'true', message }])
}

function unscaled(method: string, { field }: Setting): Choices {
  if (method.startsWith('breadcrumbs')) {
    const note = `If gamma of a tensor is less than one element, mergekit's ${method} drops all of its changes. Tureen drops none of the largest.`
    return { parameters: {}, notes: [note] }
  }
  if (!/^(dare|della)/.test(method)) return none
  const ours = method.startsWith('dare') ? `${method} always scales the entries that it keeps` : byProbability(method)
  const message = `is false, and here ${ours}. Leave rescale out, or set density to 1`
  throw refusal([{ field, expected: 'true', actual: 'false', message }])
}

function byProbability(method: string): string {
  return `${method} divides each entry that it keeps by the probability of keeping it`
}

function refuseTruth(parameter: ReadParameter | undefined, message: string): void {
  for (const setting of parameter?.settings ?? [])
    if (truthOf(setting))
      throw refusal([{ field: setting.field, expected: 'false', actual: 'true', message: `${message}. Leave it out` }])
}

function refuseAbove(parameter: ReadParameter | undefined, largest: number, reason: string): void {
  for (const setting of parameter?.settings ?? []) {
    const numbers = valuesOf(setting).flatMap(value => (typeof value === 'object' ? value.gradient : Number(value)))
    const above = numbers.find(number => number > largest)
    if (above === undefined) continue
    const message = `is ${above}, and may be ${largest} at most: ${reason}`
    throw refusal([{ field: setting.field, expected: `at most ${largest}`, actual: `${above}`, message }])
  }
}

/** The largest number of models of which all subsets are checked. */
const enumeratedModels = 12

/**
 * Refuses weights that may cancel: if the agreeing weights sum to 0, mergekit divides by 1, and Tureen's methods keep
 * the base.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for normalized weights of both signs of which some may sum to 0
 */
function refuseCancelling(method: string, read: ReadSettings): void {
  const [normalize] = read.get('normalize')?.settings ?? []
  const weights = read.get('weight')?.settings ?? []
  if (!/^(ties|della|.*_ties)$/.test(method) || !normalize || !truthOf(normalize)) return
  const values = weights.map(setting => valuesOf(setting).map(asNumber))
  const numbers = values.flat().flatMap(value => (typeof value === 'object' ? value.gradient : (value ?? [])))
  if (!numbers.some(each => each < 0) || !numbers.some(each => each > 0)) return
  const single = values.flatMap(([value, ...more]) => (typeof value === 'number' && more.length === 0 ? [value] : []))
  const isKnown = single.length === weights.length && single.length <= enumeratedModels
  if (isKnown && !someCancel(single.filter(each => each !== 0))) return
  const message = `has weights of both signs, which may cancel: where they sum to 0, mergekit adds the undivided sum and ${method} here keeps the base. Set normalize to false, or change the weights`
  const field = weights[0]?.field ?? 'models'
  throw refusal([{ field, expected: 'weights of one sign', actual: numbers.join(', '), message }])
}

function someCancel(weights: readonly number[]): boolean {
  return Array.from({ length: 2 ** weights.length - 1 }, (_, index) => index + 1).some(subset => {
    const chosen = weights.filter((_, place) => (subset >> place) & 1)
    const sum = chosen.reduce((total, weight) => total + weight, 0)
    return Math.abs(sum) <= 1e-8 * chosen.reduce((total, weight) => total + Math.abs(weight), 0)
  })
}
