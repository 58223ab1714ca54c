import ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import { joinedNotes } from '../metrics/joined-notes.ts'
import { MeanTally } from '../metrics/keeping/mean-tally.ts'
import type { Batch, ResamplingAccumulator, SamplePredictions, Values } from '../metrics/metric.ts'
import { metricLoaders } from '../metrics/metric-loaders.ts'
import { noCounts, nonFiniteNote, type ScoredCounts } from '../non-finite-values.ts'
import type { MetricOutcome, MetricTask } from '../protocol.ts'
import { withFiles } from './model-content.ts'
import { openSession, runSession } from './session.ts'
import { numbersOf } from './tensors.ts'

/** The running computation of one scoring metric, by the registry or by a model. */
export type Scorer = {
  add(batch: { output: Values; target: Values | undefined }, samples: number): Promise<void>
  /**
   * Returns the score of all batches. @param counts numbers in the batches, for the notes
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if only the whole set shows a misfit
   */
  finish(counts?: ScoredCounts): Promise<MetricOutcome>
  /** Number of kept samples. */
  readonly samples: number
  /**
   * Returns the score of a resample, as {@link ResamplingAccumulator} does. Read it after the last batch. Null if nothing is kept, or if
   * the metric is a model that returns one number for a whole batch.
   */
  readonly resampled: ((counts: Uint32Array) => number) | null
  /** Returns the classes of the kept samples; undefined if the metric predicts none, or if a sample has several targets. */
  predictions?(): SamplePredictions | undefined
}

/**
 * Starts one scorer for each task.
 * @param options.keep true to keep the data of each sample that resamples need; the memory then grows with the number of samples
 * @throws TureenError if a metric that is a model cannot be opened or is none
 */
export async function startScorers(
  tasks: readonly MetricTask[],
  threads: number,
  { keep = false }: { keep?: boolean } = {},
): Promise<Scorer[]> {
  return Promise.all(
    tasks.map(task => (task.kind === 'registered' ? registeredScorer(task, keep) : modelScorer(task, threads, keep))),
  )
}

async function registeredScorer(task: Extract<MetricTask, { kind: 'registered' }>, keep: boolean): Promise<Scorer> {
  const metric = await metricLoaders.get(task.metric)?.()
  if (!metric) throw new RangeError(`the evaluator has no metric ${task.metric}`)
  const accumulator = metric.start(task.parameters, keep)
  return {
    async add({ output, target }) {
      if (!target) throw needsTarget(task.name)
      if (metric.target !== 'classes') refuseTexts(task.name, { output, target })
      accumulator.add({ output, target })
    },
    async finish(counts = noCounts()) {
      const { targets } = accumulator
      accumulator.requireClear?.()
      const { note, ...result } = accumulator.result()
      const said = joinedNotes(note, targets?.note, nonFiniteNote(counts, result.value, metric.nonFinite))
      return { name: task.name, ...result, ...said, ignored: targets?.total.ignored ?? 0 }
    },
    get samples() {
      return accumulator.samples
    },
    resampled: keep ? counts => accumulator.resampled(counts) : null,
    predictions: () => accumulator.predictions?.(),
  }
}

/**
 * Returns the scorer of a metric that is an ONNX model. The model takes outputs and targets: inputs named output and target, or in that
 * order. It returns one scalar per sample, or one per batch. The score is their mean; scalars of batches are weighted by batch size.
 */
async function modelScorer(
  { name, model }: Extract<MetricTask, { kind: 'model' }>,
  threads: number,
  keep: boolean,
): Promise<Scorer> {
  const session = await withFiles(model, content => openSession(content, threads))
  const [outputInput, targetInput] = metricInputs(session, name)
  const [result] = session.outputNames
  let sum = 0
  let count = 0
  const kept = new MeanTally(keep)
  let perSample = keep
  return {
    async add({ output, target }, samples) {
      if (!target || result === undefined) throw needsTarget(name)
      refuseTexts(name, { output, target })
      const feeds = {
        [outputInput.name]: numberTensor(output, outputInput, name),
        [targetInput.name]: numberTensor(target, targetInput, name),
      }
      const produced = (await runSession(session, feeds, [result]))[result]
      const values = produced && 'data' in produced ? numbersIn(produced) : []
      if (values.length !== samples && values.length !== 1) {
        throw mismatch(
          name,
          `it returned ${values.length} numbers for a batch of ${samples} samples; a metric returns one per sample or one per batch`,
        )
      }
      if (values.length !== samples) perSample = false
      for (const value of values) {
        sum += values.length === samples ? value : value * samples
        kept.add(value)
        kept.endSample()
      }
      count += samples
    },
    async finish(counts = noCounts()) {
      await session.release()
      const value = count === 0 ? Number.NaN : sum / count
      return { name, value, ...joinedNotes(nonFiniteNote(counts, value)), ignored: 0 }
    },
    get samples() {
      return kept.samples
    },
    get resampled() {
      return perSample ? (counts: Uint32Array) => kept.resampled(counts) : null
    },
  }
}

type Input = { name: string; type: string }

function metricInputs(session: ort.InferenceSession, name: string): [Input, Input] {
  const inputs = session.inputMetadata.flatMap(input =>
    input.isTensor ? [{ name: input.name, type: input.type }] : [],
  )
  const [first, second] = inputs
  if (!first || !second || inputs.length !== 2)
    throw mismatch(name, `it has ${inputs.length} tensor inputs; a metric has two: outputs and targets`)
  return /^targets?$/.test(first.name) || /^outputs?$/.test(second.name) ? [second, first] : [first, second]
}

function numberTensor({ data, dims }: Values, { name, type }: Input, metric: string): ort.Tensor {
  switch (type) {
    case 'float32':
      return new ort.Tensor('float32', Float32Array.from(data), dims)
    case 'float64':
      return new ort.Tensor('float64', Float64Array.from(data), dims)
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(whole(data, name, metric, 2 ** 53), BigInt), dims)
    case 'int32':
      return new ort.Tensor('int32', Int32Array.from(whole(data, name, metric, 2 ** 31)), dims)
    case 'uint8':
      return new ort.Tensor('uint8', Uint8Array.from(whole(data, name, metric, 2 ** 8)), dims)
    case 'bool':
      return new ort.Tensor('bool', Uint8Array.from(whole(data, name, metric, 2)), dims)
    default:
      throw mismatch(
        metric,
        `its input ${name} is ${type}; a metric takes float32, float64, int32, int64, uint8 or bool`,
      )
  }
}

function whole(data: ArrayLike<number>, input: string, metric: string, bound: number): number[] {
  const numbers = Array.from(data)
  const wrong = numbers.find(value => !Number.isInteger(value) || Math.abs(value) >= bound)
  if (wrong === undefined) return numbers
  throw mismatch(metric, `its input ${input} takes integers below ${bound}, and was to get ${wrong}`)
}

function numbersIn(value: ort.Tensor): number[] {
  return Array.from(numbersOf(value.data, value.type, [value.size], value.size).data)
}

function refuseTexts(metric: string, { output, target }: Batch): void {
  const texts = output.texts ? 'the output' : target.texts ? 'the target' : undefined
  if (texts) throw mismatch(metric, `${texts} holds texts, and it takes numbers`)
}

function needsTarget(metric: string): TureenError {
  return mismatch(
    metric,
    'it compares outputs with a target, and there is none: name the array that holds it as target',
  )
}

function mismatch(metric: string, message: string): TureenError {
  return new TureenError('TUREEN_METRIC_MISMATCH', `The metric ${metric} cannot be computed: ${message}.`, [
    { field: `metrics.${metric}`, message },
  ])
}
