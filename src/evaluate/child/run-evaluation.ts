import type ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import type { TensorValues } from '../../merge/rewrite-model.ts'
import type { ArrayValues } from '../datasets/dataset.ts'
import { countNumbers, noCounts, type ScoredCounts } from '../non-finite-values.ts'
import type { EvaluationOutcome, EvaluationTask, RunnableModel, ScoringTask } from '../protocol.ts'
import { arrayOf, feedsOf } from './feeds.ts'
import type { OpenDataset } from './open-datasets.ts'
import { type Scorer, startScorers } from './scorers.ts'
import { openSession, runSession } from './session.ts'
import { scoredValues, TextCodes } from './tensors.ts'

/**
 * Facts about one run of a model over a data set, without scores. `latencies`: milliseconds of each run of a batch; `counts`: numbers that
 * were scored.
 */
export type ModelRun = { samples: number; latencies: number[]; counts: ScoredCounts }

/**
 * Runs a model over a data set and scores its outputs. The memory does not depend on the number of samples.
 * @throws TureenError with the reason if the model cannot be opened, fed, run or scored
 */
export async function runEvaluation(
  task: EvaluationTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<EvaluationOutcome> {
  const started = performance.now()
  const scorers = await startScorers(task.metrics, task.threads)
  const { samples, latencies, counts } = await runModel(task.model, scorers, task, open, onProgress)
  const metrics = await Promise.all(scorers.map(({ finish }) => finish(counts)))
  return {
    metrics,
    samples,
    notANumber: counts.output.notANumber,
    seconds: (performance.now() - started) / 1000,
    latency: summarise(latencies),
  }
}

/** Runs a model over a data set, and adds its outputs to every scorer, in order. @throws TureenError as {@link runEvaluation} does */
export async function runModel(
  model: RunnableModel,
  scorers: readonly Scorer[],
  { dataset: dataFiles, binding, limit, threads }: ScoringTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<ModelRun> {
  const values = await calibratedValues(model, open)
  const dataset = await open(dataFiles)
  const session = await openSession(model, threads, { values })
  const comparisons =
    binding.references.length > 0 ? binding.references : [{ output: binding.output, array: binding.target }]
  const outputs = comparisons.flatMap(({ output }) => output ?? [])
  const arrays = [
    ...new Set([...binding.inputs.map(({ array }) => array), ...comparisons.flatMap(({ array }) => array ?? [])]),
  ]
  const total = Math.min(limit ?? Number.POSITIVE_INFINITY, dataset.samplesOf(arrays))
  const latencies: number[] = []
  const codes = new TextCodes()
  // ONNX's test data are whole tensors. A model that is fed sample by sample gives outputs without a batch axis.
  const whole = binding.references.length > 0
  const unbatched =
    binding.inputs.every(({ feeding }) => feeding !== 'batch') &&
    binding.inputs.some(({ feeding }) => feeding === 'sample')
  let samples = 0
  const counts = noCounts()
  for await (const batch of dataset.batches(arrays, binding.batchSize, total)) {
    const { values } = batch
    const padTo = binding.fixed ? binding.batchSize : 0
    const feeds = feedsOf(batch, binding, session)
    const before = performance.now()
    const results = await runSession(session, feeds, outputs)
    latencies.push(performance.now() - before)
    for (const { output, array } of comparisons) {
      const produced = outputOf(results, output ?? outputs[0] ?? '')
      const target = array === null ? undefined : arrayOf(values, array)
      const compared = whole
        ? { output: asOneSample(produced), target: target && asOneSample(target), samples: 1, fed: 1 }
        : {
            output: unbatched ? asOneSample(produced) : produced,
            target,
            samples: batch.samples,
            fed: Math.max(padTo, batch.samples),
          }
      await score(scorers, compared, codes, counts)
    }
    samples += batch.samples
    onProgress(samples, total)
  }
  await session.release()
  return { samples, latencies, counts }
}

/** Returns the measured statistics of a model's batch norms; none if the model names no data to measure on. */
async function calibratedValues({ calibration, ...model }: RunnableModel, open: OpenDataset): Promise<TensorValues> {
  if (!calibration) return new Map()
  const { measureBatchNorms } = await import('./measure-batch-norms.ts')
  return (await measureBatchNorms({ model, calibration }, open, () => undefined)).values
}

type Produced = Pick<ArrayValues, 'dims' | 'dtype'> & { data: unknown }

type Compared = { output: Produced; target: ArrayValues | undefined; samples: number; fed: number }

/** Adds a batch to every scorer, and to the counts. */
async function score(
  scorers: readonly Scorer[],
  { output, target, samples, fed }: Compared,
  codes: TextCodes,
  counts: ScoredCounts,
): Promise<void> {
  if (output.dims[0] !== fed) {
    const message = `the output is [${output.dims.join(', ')}] for ${fed} samples: its first axis is not the batch`
    throw new TureenError('TUREEN_METRIC_MISMATCH', `Outputs cannot be told apart by sample: ${message}.`, [
      { field: 'output', expected: `[${fed}, ...]`, actual: `[${output.dims.join(', ')}]`, message },
    ])
  }
  const outputValues = scoredValues(output, samples, codes)
  const targetValues = target && scoredValues(target, samples, codes)
  for (const scorer of scorers) await scorer.add({ output: outputValues, target: targetValues }, samples)
  countNumbers(outputValues, counts.output)
  if (targetValues) countNumbers(targetValues, counts.target)
}

function outputOf(results: ort.InferenceSession.OnnxValueMapType, name: string): Produced {
  const value = results[name]
  if (value === undefined || !('data' in value)) {
    const message = `the output ${name} is not a tensor`
    throw new TureenError('TUREEN_METRIC_MISMATCH', `The output ${name} is not a tensor. Name another as output.`, [
      { field: 'output', tensor: name, expected: 'a tensor', message },
    ])
  }
  return { dims: [...value.dims], dtype: value.type, data: value.data }
}

/** Returns a tensor without a batch axis as a batch of one. */
function asOneSample<Value extends { dims: number[] }>(value: Value): Value {
  return { ...value, dims: [1, ...value.dims] }
}

/**
 * Returns the median and 95th percentile of latencies, in milliseconds. It leaves out the first run, which warms caches, if there are
 * others.
 */
function summarise(latencies: readonly number[]): { median: number; p95: number } {
  const sorted = (latencies.length > 1 ? latencies.slice(1) : [...latencies]).sort((a, b) => a - b)
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  return { median: quantile(0.5), p95: quantile(0.95) }
}
