import { type Place, TureenError } from '../errors.ts'
import type { Dimension } from '../onnx/skeleton.ts'
import { hasNoElements, isInteger, isMaps, isNotExchanged, isText } from './element-kinds.ts'
import { certainLabelShapes, needsScores } from './metrics/classes/class-labels.ts'
import type { Metric, ShapeCheck, ShapeProblem } from './metrics/metric.ts'

/** An output as the model declares it. */
type DeclaredOutput = { name: string; dtype: string; dims: readonly Dimension[] | null }

/** The array that the output is compared with. */
type TargetArray = { name: string; dtype: string; dims: readonly number[] }

/** Most combinations of sizes to try for open dims. With more, only the evaluation itself can find a misfit. */
const combinationLimit = 20_000

/**
 * Refuses a scoring metric that certainly cannot compare the output with the target, before the model runs. Either one of them has no
 * numbers, or their shapes fit for no sizes of the open dims. The metric's accumulators would refuse the same shapes, since they use the
 * same {@link ShapeCheck}. They may still refuse values.
 *
 * @param output its first dim is the batch; pass 1 there if the model is fed sample by sample and has no batch axis
 * @param target its first dim is the batch
 * @param field the field of the request that names the metric
 * @throws TureenError `TUREEN_METRIC_MISMATCH` with the shapes found, and those that the metric takes
 */
export function requireFit(
  metric: FittedMetric,
  output: DeclaredOutput,
  target: TargetArray,
  field: string,
  model: AskedModel = { outputs: [] },
): void {
  refuseLabels(metric, output, target, field, model)
  refuseTexts(metric, output, target, field, model)
  const problem =
    output.dims && certainProblem(shapesOf(metric, output, model), output.dims.slice(1), target.dims.slice(1))
  if (problem) {
    const [own, wanted] = [described(output), described(target)]
    throw misfit(metric.name, field, problem.message(own, wanted), {
      actual: problem.field === 'output' ? own : wanted,
    })
  }
}

/** Returns the shapes that the metric takes of outputs of this type. Integers may be labels or scores. */
function shapesOf({ labels, shapes }: FittedMetric, output: DeclaredOutput, { parameters }: AskedModel): ShapeCheck {
  if (!labels || !mayBeLabels(output, parameters?.['from'])) return shapes
  return isText(output.dtype) ? labels : (own, wanted) => labels(own, wanted) && shapes(own, wanted)
}

/** Refuses an output or a target without numbers, unless the metric compares texts, or the request names texts as classes. */
function refuseTexts(
  metric: FittedMetric,
  output: DeclaredOutput,
  target: TargetArray,
  field: string,
  { parameters }: AskedModel,
): void {
  const isNamed = metric.target === 'classes' && namesTexts(parameters?.['classes'])
  const way = metric.target === 'classes' && !isNamed ? ' without classes that name the texts' : ''
  const areTexts = metric.labels !== undefined && isText(output.dtype) && (isText(target.dtype) || isNamed)
  if (hasNoElements(output.dtype) || (isText(output.dtype) && !areTexts)) {
    const isLabels = metric.labels && isText(output.dtype)
    const taken = isLabels
      ? `its texts cannot be compared with ${target.name}, ${target.dtype}`
      : 'metrics are of numbers'
    const message = `the output ${output.name} is ${output.dtype}; ${taken}`
    throw misfit(metric.name, field, message, { actual: output.dtype }, isLabels ? way : '')
  }
  if (!hasNoElements(target.dtype) && (!isText(target.dtype) || areTexts || isNamed)) return
  const message = `the target ${target.name} is ${target.dtype}; the metric takes ${targetsTaken[metric.target]}`
  const places = { expected: targetsTaken[metric.target], actual: target.dtype }
  throw misfit(metric.name, field, message, places, isText(target.dtype) ? way : '')
}

function namesTexts(classes: unknown): boolean {
  return Array.isArray(classes) && typeof classes[0] === 'string'
}

const targetsTaken = {
  classes: 'class indices or one-hot rows, which are numbers',
  values: 'numbers',
  masks: 'masks of class indices, which are numbers',
  reference: 'numbers',
} as const satisfies Record<Metric<unknown>['target'], string>

/**
 * Refuses a metric that needs class scores if the output certainly holds class labels.
 *
 * @param model `outputs`: all outputs, of which the refusal names those that may hold scores; `parameters`: those of the metric
 * @throws TureenError `TUREEN_METRIC_MISMATCH`
 */
export function refuseLabels(
  metric: FittedMetric,
  output: DeclaredOutput,
  target: TargetArray,
  field: string,
  { outputs, parameters }: AskedModel,
): void {
  if (metric.labels || metric.target !== 'classes' || !mayBeLabels(output, parameters?.['from'])) return
  const areScores: ShapeCheck = (own, wanted) => (certainLabelShapes(own, wanted) ? undefined : unscored)
  const isCertain =
    isText(output.dtype) || (output.dims && certainProblem(areScores, output.dims.slice(1), target.dims.slice(1)))
  if (!isCertain) return
  const others = outputs
    .filter(({ dtype }) => /float/.test(dtype) && !hasNoElements(dtype) && !isNotExchanged(dtype))
    .map(({ name }) => name)
  const maps = outputs.find(({ dtype }) => isMaps(dtype))
  const hidden = maps ? ` (${maps.name} holds them in the maps of a ZipMap: export the model with zipmap: false)` : ''
  const instead =
    others.length > 0 ? `the output ${others.join(' or ')}` : `an output of probabilities or logits${hidden}`
  throw misfit(metric.name, field, `the output ${output.name} is ${output.dtype}: ${needsScores(instead)}`, {
    ...(others.length > 0 ? { expected: others.join(', ') } : {}),
    actual: output.name,
  })
}

/** The outputs of the model, and the parameters of the metric in the request. */
type AskedModel = { outputs: readonly DeclaredOutput[]; parameters?: Record<string, unknown> }

type FittedMetric = Pick<Metric<unknown>, 'name' | 'target' | 'shapes' | 'labels'>

const unscored: ShapeProblem = { field: 'output', message: output => `the output ${output} holds labels` }

function mayBeLabels({ dtype }: DeclaredOutput, from: unknown): boolean {
  return isText(dtype) || (isInteger(dtype) && (from === undefined || from === 'auto'))
}

/**
 * Returns the problem of shapes that fit for no sizes of the open dims; undefined if some sizes fit. A check compares sizes only with 1 and
 * with those of the target, so one other size stands for all others.
 */
function certainProblem(
  check: ShapeCheck,
  output: readonly Dimension[],
  target: readonly number[],
): ShapeProblem | undefined {
  const otherSize = 2 + target.reduce((largest, size) => Math.max(largest, size), 0)
  const sizes = [...new Set([otherSize, 1, ...target])]
  const open = output.filter(dim => !isKnown(dim)).length
  if (sizes.length ** open > combinationLimit) return undefined
  let first: ShapeProblem | undefined
  for (const dims of withSizes(output, sizes)) {
    const problem = check(dims, target)
    if (!problem) return undefined
    first ??= problem
  }
  return first
}

/** Yields the dims with every combination of sizes in place of the open ones. */
function* withSizes(dims: readonly Dimension[], sizes: readonly number[]): Generator<number[]> {
  const open = dims.findIndex(dim => !isKnown(dim))
  if (open === -1) yield dims.filter(isKnown)
  else for (const size of sizes) yield* withSizes(dims.with(open, size), sizes)
}

/** True if the size of a dim is known. Some exporters write -1 for an open dim. */
function isKnown(dim: Dimension): dim is number {
  return typeof dim === 'number' && dim >= 0
}

function described({ name, dtype, dims }: DeclaredOutput): string {
  return `${name} ${dtype} [${(dims ?? []).map(dim => dim ?? '?').join(', ')}]`
}

function misfit(
  metric: string,
  field: string,
  message: string,
  values: Pick<Place, 'expected' | 'actual'>,
  condition = '',
): TureenError {
  return new TureenError('TUREEN_METRIC_MISMATCH', `The metric ${metric} cannot be computed${condition}: ${message}.`, [
    { field, ...values, message },
  ])
}
