import type ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import type { TensorValues } from '../../merge/rewrite-model.ts'
import type { ArrayValues } from '../datasets/dataset.ts'
import type { Values } from '../metrics/metric.ts'
import { countNumbers, noCounts, type ScoredCounts } from '../non-finite-values.ts'
import type { EvaluationOutcome, EvaluationTask, MetricTask, ScoringTask } from '../protocol.ts'
import { type FedBatch, type FedBatches, readBatches } from './fed-batches.ts'
import { arrayOf } from './feeds.ts'
import { type ModelContent, withFiles } from './model-content.ts'
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
  { metrics, model, ...task }: EvaluationTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<EvaluationOutcome> {
  return scoreModel(metrics, task, opening => withFiles(model, opening), {
    open,
    batches: readBatches,
    onProgress,
    release: released,
  })
}

/** The means to run a model. `batches`: the way to the samples. `release`: lets go of the model after its last run. */
export type Running = {
  open: OpenDataset
  batches: FedBatches
  onProgress(done: number, total: number): void
  release(session: ort.InferenceSession): Promise<void>
}

/** Releases the session of a model that no further run needs. */
export const released: Running['release'] = session => session.release()

/** Opens a model: runs the function with its content, and the changes to it if there are any. */
export type OpenModel = (
  opening: (content: ModelContent, values?: TensorValues) => Promise<ort.InferenceSession>,
) => Promise<ort.InferenceSession>

/** Runs a model over a data set and scores its outputs, as {@link runEvaluation} does. */
export async function scoreModel(
  metrics: readonly MetricTask[],
  task: ScoringTask,
  openModel: OpenModel,
  running: Running,
): Promise<EvaluationOutcome> {
  const started = performance.now()
  const scorers = await startScorers(metrics, task.threads)
  const { samples, latencies, counts } = await runModel(openModel, scorers, task, running)
  const outcomes = await Promise.all(scorers.map(({ finish }) => finish(counts)))
  return {
    metrics: outcomes,
    samples,
    notANumber: counts.output.notANumber,
    seconds: (performance.now() - started) / 1000,
    latency: summarise(latencies),
  }
}

/** Runs a model over a data set, and adds its outputs to every scorer, in order. @throws TureenError as {@link runEvaluation} does */
export async function runModel(
  openModel: OpenModel,
  scorers: readonly Scorer[],
  { dataset: dataFiles, binding, limit, threads }: ScoringTask,
  { open, batches, onProgress, release }: Running,
): Promise<ModelRun> {
  const session = await openModel((content, values = new Map()) => openSession(content, threads, { values }))
  const dataset = await open(dataFiles)
  const comparisons =
    binding.references.length > 0 ? binding.references : [{ output: binding.output, array: binding.target }]
  const outputs = comparisons.flatMap(({ output }) => output ?? [])
  const targets = comparisons.flatMap(({ array }) => array ?? [])
  const arrays = [...new Set([...binding.inputs.map(({ array }) => array), ...targets])]
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
  for await (const batch of batches({ dataset, binding, arrays, targets, total }, session)) {
    const padTo = binding.fixed ? binding.batchSize : 0
    const before = performance.now()
    const results = await runSession(session, batch.feeds, outputs)
    latencies.push(performance.now() - before)
    for (const { output, array } of comparisons) {
      const produced = outputOf(results, output ?? outputs[0] ?? '')
      const scored = whole ? 1 : batch.samples
      const compared = {
        output: whole || unbatched ? asOneSample(produced) : produced,
        target: () => (array === null ? undefined : targetOf(batch, array, { whole, scored, codes })),
        samples: scored,
        fed: whole ? 1 : Math.max(padTo, batch.samples),
      }
      await score(scorers, compared, codes, counts)
    }
    samples += batch.samples
    onProgress(samples, total)
  }
  await release(session)
  return { samples, latencies, counts }
}

type Produced = Pick<ArrayValues, 'dims' | 'dtype'> & { data: unknown }

/** `target`: called after the output was read, because both give numbers to texts. */
type Compared = { output: Produced; target(): Values | undefined; samples: number; fed: number }

/** Returns the values of an array for scoring metrics. Texts have other numbers in each run; other values are read once. */
function targetOf(
  { values, scored: known }: FedBatch,
  array: string,
  { whole, scored, codes }: { whole: boolean; scored: number; codes: TextCodes },
): Values {
  const found = known.get(array)
  if (found) return found
  const target = arrayOf(values, array)
  const read = scoredValues(whole ? asOneSample(target) : target, scored, codes)
  if (!read.texts) known.set(array, read)
  return read
}

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
  const targetValues = target()
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
