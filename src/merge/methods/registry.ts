import type { ElementKernel } from '../../tensor/element-kernel.ts'
import type { ElementReader } from '../element-reader.ts'
import { inputAt } from '../merge-input.ts'
import type { Constants, Operation, ParameterValues, SumOperation, TensorSettings } from '../operation.ts'
import { breadcrumbs } from './breadcrumbs.ts'
import { breadcrumbsTies } from './breadcrumbs-ties.ts'
import { dareLinear } from './dare-linear.ts'
import { dareTies } from './dare-ties.ts'
import { della } from './della.ts'
import { dellaLinear } from './della-linear.ts'
import { ema } from './ema.ts'
import { fisher } from './fisher.ts'
import { karcher } from './karcher.ts'
import { linear } from './linear.ts'
import type { CanonicalParameters, Method, Preparation, Step, TensorTask } from './method.ts'
import { modelStock } from './model-stock.ts'
import { multislerp } from './multislerp.ts'
import { nearswap } from './nearswap.ts'
import { nuslerp } from './nuslerp.ts'
import { noModels, participants } from './participants.ts'
import { sce } from './sce.ts'
import { slerp } from './slerp.ts'
import { taskArithmetic } from './task-arithmetic.ts'
import { ties } from './ties.ts'
import { wiseFt } from './wise-ft.ts'

/** A method of whatever parameters a request names; they are complete, and checked again on their way in. */
export type RegisteredMethod = Omit<
  Method<ParameterValues>,
  | 'wholeNumbers'
  | 'perModel'
  | 'common'
  | 'canonical'
  | 'keepsZeroWeights'
  | 'dropsElements'
  | 'check'
  | 'movesIdentical'
  | 'ranksUnits'
  | 'plan'
  | 'prepare'
  | 'prepareTogether'
  | 'kernel'
> & {
  wholeNumbers: readonly string[]
  perModel: readonly string[]
  common(parameters: ParameterValues): readonly string[]
  canonical(parameters: ParameterValues): CanonicalParameters
  dropsElements: boolean
  /** @throws TureenError `TUREEN_WEIGHTS_INVALID`; `field`: what the request calls the weights */
  check(settings: TensorSettings, field: string): void
  movesIdentical(settings: TensorSettings): boolean
  ranksUnits(settings: TensorSettings): boolean
  /** @param settings of all averaged models; those that the formula leaves out take no part in the operation */
  plan(settings: TensorSettings): Operation
  /** @throws RangeError if there is nothing to prepare */
  prepare(task: TensorTask<ParameterValues>): Preparation
  preparesTogether(settings: TensorSettings): boolean
  prepareTogether(tasks: readonly TensorTask<ParameterValues>[], carried: number): Preparation[]
  kernel(settings: TensorSettings, constants: Constants, reader: ElementReader): ElementKernel
}

function registered<Parameters extends ParameterValues>(method: Method<Parameters>): RegisteredMethod {
  const {
    name,
    parameters,
    wholeNumbers = [],
    perModel = [],
    common,
    canonical,
    keepsZeroWeights = false,
    dropsElements = false,
    check,
    movesIdentical,
    ranksUnits,
    plan,
    prepare,
    prepareTogether,
    kernel,
    ...declared
  } = method
  const typed = (settings: TensorSettings) => ({ ...settings, parameters: parameters.parse(settings.parameters) })
  const typedTask = ({ settings, reader }: TensorTask<ParameterValues>) => {
    return { settings: typed(settings), reader }
  }
  const missing = (what: string) => new RangeError(`${name} has nothing to ${what}`)
  return {
    ...declared,
    name,
    parameters,
    wholeNumbers,
    perModel,
    dropsElements,
    common: given => common?.(parameters.parse(given)) ?? [],
    canonical: given => canonical?.(given) ?? { parameters: given },
    check: (settings, field) => check?.(typed(settings), field),
    movesIdentical: settings => movesIdentical?.(typed(settings)) ?? false,
    ranksUnits: settings => ranksUnits?.(typed(settings)) ?? false,
    plan(settings) {
      const { own, from } = participants(settings, { fisher: declared.fisher, perModel, keepsZeroWeights })
      return own.weights.length === 0 ? noModels(settings) : operationOf(plan(typed(own)), name, own, from)
    },
    prepare(task) {
      if (!prepare) throw missing('prepare')
      return prepare(typedTask(task))
    },
    preparesTogether: settings => prepareTogether?.applies(typed(settings).parameters) === true,
    prepareTogether(tasks, carried) {
      if (!prepareTogether) throw missing('prepare together')
      return prepareTogether.prepare(tasks.map(typedTask), carried)
    },
    kernel(settings, constants, reader) {
      if (!kernel) throw missing('compute')
      return kernel({ settings: typed(settings), reader }, constants)
    },
  }
}

/**
 * A step of a method as plain data.
 * @param from the places among the tensor's sources of those that the method was told of
 */
export function operationOf(step: Step, method: string, settings: TensorSettings, from: readonly number[]): Operation {
  return step.kind === 'sum' ? { ...step, from: amongAll(step.from, from) } : { ...step, method, settings, from }
}

function amongAll(places: SumOperation['from'], from: readonly number[]): number[] {
  return places.map(place => inputAt(from, place))
}

/** Every method, in the order in which they are listed. */
const all: readonly RegisteredMethod[] = [
  registered(linear),
  registered(slerp),
  registered(nuslerp),
  registered(multislerp),
  registered(karcher),
  registered(modelStock),
  registered(taskArithmetic),
  registered(ties),
  registered(dareLinear),
  registered(dareTies),
  registered(della),
  registered(dellaLinear),
  registered(breadcrumbs),
  registered(breadcrumbsTies),
  registered(sce),
  registered(ema),
  registered(nearswap),
  registered(fisher),
  registered(wiseFt),
]

/** The methods by name. */
export const methods: ReadonlyMap<string, RegisteredMethod> = new Map(all.map(method => [method.name, method]))

/** @throws RangeError for a name that no method has */
export function methodNamed(name: string): RegisteredMethod {
  const method = methods.get(name)
  if (!method) throw new RangeError(`there is no method ${name}`)
  return method
}
