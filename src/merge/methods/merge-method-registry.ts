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

/** A method with parameters of any type: the functions take complete ones, as `methodSettings` returns them. */
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
  /** Checks the weights. `field`: their name in the request. @throws TureenError `TUREEN_WEIGHTS_INVALID` */
  check(settings: TensorSettings, field: string): void
  movesIdentical(settings: TensorSettings): boolean
  ranksUnits(settings: TensorSettings): boolean
  /**
   * Returns the operation.
   * @param settings of all averaged models; the operation leaves out models that the formula leaves out
   */
  plan(settings: TensorSettings): Operation
  /** Prepares one tensor. @throws RangeError if there is nothing to prepare */
  prepare(task: TensorTask<ParameterValues>): Preparation
  preparesTogether(settings: TensorSettings): boolean
  prepareTogether(tasks: readonly TensorTask<ParameterValues>[], carried: number): Preparation[]
  kernel(settings: TensorSettings, constants: Constants, reader: ElementReader): ElementKernel
}

function registered(method: Method<ParameterValues>): RegisteredMethod {
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
  const missing = (what: string) => new RangeError(`${name} has nothing to ${what}`)
  return {
    ...declared,
    name,
    parameters,
    wholeNumbers,
    perModel,
    dropsElements,
    common: given => common?.(given) ?? [],
    canonical: given => canonical?.(given) ?? { parameters: given },
    check: (settings, field) => check?.(settings, field),
    movesIdentical: settings => movesIdentical?.(settings) ?? false,
    ranksUnits: settings => ranksUnits?.(settings) ?? false,
    plan(settings) {
      const { own, from } = participants(settings, { fisher: declared.fisher, perModel, keepsZeroWeights })
      return own.weights.length === 0 ? noModels(settings) : operationOf(plan(own), name, own, from)
    },
    prepare(task) {
      if (!prepare) throw missing('prepare')
      return prepare(task)
    },
    preparesTogether: settings => prepareTogether?.applies(settings.parameters) === true,
    prepareTogether(tasks, carried) {
      if (!prepareTogether) throw missing('prepare together')
      return prepareTogether.prepare(tasks, carried)
    },
    kernel(settings, constants, reader) {
      if (!kernel) throw missing('compute')
      return kernel({ settings, reader }, constants)
    },
  }
}

/**
 * Returns a step of a method as plain data.
 * @param from indices, among the tensor's sources, of the sources that the method reads
 */
export function operationOf(step: Step, method: string, settings: TensorSettings, from: readonly number[]): Operation {
  return step.kind === 'sum' ? { ...step, from: amongAll(step.from, from) } : { ...step, method, settings, from }
}

function amongAll(places: SumOperation['from'], from: readonly number[]): number[] {
  return places.map(place => inputAt(from, place))
}

/** Every method, in the order of the list in the API. */
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

/** Returns a method by its name. @throws RangeError for an unknown name */
export function methodNamed(name: string): RegisteredMethod {
  const method = methods.get(name)
  if (!method) throw new RangeError(`there is no method ${name}`)
  return method
}
